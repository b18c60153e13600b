/* headwater
description = "What every aircraft flew in a month; cancelled flights that no aircraft was named for are left out."
partitions = {every = "month", start = "2013-01-01", end = "2014-01-01", timezone = "America/New_York"}
unique_key = ["month", "tailnum"]

[columns.tailnum]
description = "Registration of the aircraft"
tags = ["aircraft"]
*/
select
    month,
    tailnum,
    min(carrier) as carrier,
    count(*) as flights,
    count(on_time) as arrived,
    count_if(on_time)::bigint as on_time,
    coalesce(sum(distance) filter (where air_time is not null), 0)::bigint as miles,
    coalesce(sum(air_time), 0)::bigint as air_minutes
from marts.flight_facts
where tailnum is not null
group by month, tailnum
