/* headwater
description = "The year in one row."
checks = [{row_count = [1, 1]}, {between = ["flights", 300000, 400000], severity = "warn"}]
*/
with totals as (
    select sum(flights)::bigint as flights, sum(flights * on_time_share) / sum(flights) as on_time_share
    from marts.carrier_scorecard
),

punctual as (
    select min(airline) as most_punctual_carrier
    from marts.carrier_scorecard
    where on_time_share = (select max(on_time_share) from marts.carrier_scorecard)
),

busy as (
    select min(name) as busiest_airport
    from marts.airport_overview
    where flights = (select max(flights) from marts.airport_overview)
)

select t.flights, t.on_time_share, p.most_punctual_carrier, b.busiest_airport
from totals as t
cross join punctual as p
cross join busy as b
