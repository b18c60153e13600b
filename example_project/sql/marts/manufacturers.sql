/* headwater
description = "Who built the aircraft that fly from New York."
unique_key = "manufacturer"
checks = [{not_null = "manufacturer"}]
*/
select
    coalesce(manufacturer, 'unknown') as manufacturer,
    count(*) as aircraft,
    sum(flights)::bigint as flights,
    sum(miles)::bigint as miles,
    avg(seats) as mean_seats
from marts.aircraft_scorecard
group by coalesce(manufacturer, 'unknown')
