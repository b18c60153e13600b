/* headwater
description = "The year in one row."
checks = [{row_count = [1, 1]}, {between = ["flights", 336776, 336776], severity = "warn"}]
*/
with carriers as (
    select
        sum(flights)::bigint as flights,
        sum(flights * on_time_share) / sum(flights) as on_time_share,
        arg_max(airline, on_time_share) as most_punctual_carrier
    from marts.carrier_scorecard
)

select c.*, a.origin as busiest_airport
from carriers as c
cross join marts.airport_overview as a
qualify row_number() over (order by a.flights desc, a.origin) = 1
