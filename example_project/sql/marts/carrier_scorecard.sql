/* headwater
description = "Carriers over the whole year. on_time_share is the figure that the operations review opens with."
unique_key = "carrier"
checks = [
    {not_null = ["carrier", "airline"]},
    {between = ["on_time_share", 0, 1]},
    {between = ["cancelled_share", 0, 0.05], severity = "warn", name = "cancellations stay below 5 %"},
    {foreign_key = ["carrier", "staging/airlines"]},
]

[columns.on_time_share]
description = "Flights that arrived on time, of those that arrived"
*/
select
    m.carrier,
    a.airline,
    sum(m.flights)::bigint as flights,
    sum(m.on_time) / sum(m.arrived) as on_time_share,
    sum(m.cancelled) / sum(m.flights) as cancelled_share,
    sum(m.delay_minutes) / sum(m.arrived) as mean_delay
from marts.carrier_months as m
join staging.airlines as a on a.carrier = m.carrier
group by m.carrier, a.airline
