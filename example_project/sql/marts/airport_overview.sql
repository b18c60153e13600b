/* headwater
description = "The three airports: how much leaves there, how late, and the hour that is worst."
unique_key = "origin"
checks = [{row_count = [3, 3]}]
*/
with hours as (
    select origin, hour, sum(flights)::bigint as flights, sum(departed) as departed, sum(delay_minutes) as delay_minutes
    from marts.departure_hours
    group by origin, hour
),

worst as (
    select origin, hour as worst_hour, delay_minutes / departed as worst_hour_delay
    from hours
    where departed >= 100
    qualify rank() over (partition by origin order by delay_minutes / departed desc) = 1
)

select
    h.origin,
    p.name,
    sum(h.flights)::bigint as flights,
    sum(h.delay_minutes) / sum(h.departed) as mean_departure_delay,
    min(w.worst_hour) as worst_hour,
    min(w.worst_hour_delay) as worst_hour_delay
from hours as h
join worst as w on w.origin = h.origin
join staging.airports as p on p.airport = h.origin
group by h.origin, p.name
