/* headwater
description = "The ten days that closed the worst weeks: cancelled flights in seven days, all airports together."
unique_key = "day"
checks = [{row_count = [10]}]
*/
select day, sum(flights)::bigint as flights, sum(cancelled)::bigint as cancelled
from marts.rolling_week
group by day
qualify rank() over (order by sum(cancelled) desc) <= 10
