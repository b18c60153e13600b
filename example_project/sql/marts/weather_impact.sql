/* headwater
description = "Punctuality by visibility and wind at departure."
unique_key = ["visibility", "wind"]
checks = [{accepted_values = ["visibility", ["clear", "haze", "fog"]]}]
*/
with seen as (
    select
        case when visibility_km >= 10 then 'clear' when visibility_km >= 2 then 'haze' else 'fog' end as visibility,
        case when wind_kmh < 20 then 'calm' when wind_kmh < 40 then 'breeze' else 'storm' end as wind,
        cancelled,
        on_time
    from marts.flight_facts
    where visibility_km is not null and wind_kmh is not null
)

select
    visibility,
    wind,
    count(*) as flights,
    count_if(cancelled) / count(*) as cancelled_share,
    count_if(on_time) / nullif(count(on_time), 0) as on_time_share
from seen
group by visibility, wind
