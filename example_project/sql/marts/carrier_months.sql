/* headwater
description = "Flights, cancellations and punctuality by carrier and month."
partitions = {every = "month", start = "2013-01-01", end = "2014-01-01", timezone = "America/New_York"}
unique_key = ["month", "carrier"]
checks = [{not_null = "carrier"}, {expression = "on_time <= arrived"}]
*/
select
    month,
    carrier,
    count(*) as flights,
    count_if(cancelled)::bigint as cancelled,
    count(on_time) as arrived,
    count_if(on_time)::bigint as on_time,
    sum(arr_delay)::bigint as delay_minutes,
    sum(distance)::bigint as miles
from marts.flight_facts
group by month, carrier
