/* headwater
description = "Are older aircraft later? Punctuality by age."
unique_key = "age_band"
*/
select
    case when age is null then 'unknown' when age < 5 then '0-4' when age < 15 then '5-14' else '15+' end as age_band,
    count(*) as aircraft,
    sum(flights)::bigint as flights,
    avg(on_time_share) as mean_on_time_share
from marts.aircraft_scorecard
group by age_band
