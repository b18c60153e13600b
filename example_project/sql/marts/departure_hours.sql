/* headwater
description = "Departure delay by airport and hour of the day, straight from the days of staging/flights."
partitions = {every = "month", start = "2013-01-01", end = "2014-01-01", timezone = "America/New_York"}
unique_key = ["month", "origin", "hour"]
checks = [{between = ["hour", 0, 23]}, {row_count = [1, 72]}]
*/
-- :partition_key is a bound value: the month that this slot is for, as in 2013-02.
select
    origin,
    hour,
    :partition_key as month,
    count(*) as flights,
    count(dep_delay) as departed,
    coalesce(sum(dep_delay), 0)::bigint as delay_minutes
from staging.flights
group by origin, hour
