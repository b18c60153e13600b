/* headwater
description = "The fleet of each carrier as seen from New York."
unique_key = "carrier"
*/
select
    m.carrier,
    count(distinct m.tailnum) as aircraft,
    avg(2013 - p.built) as mean_age,
    max(p.seats) as largest_seats
from marts.aircraft_months as m
left join staging.planes as p on p.tailnum = m.tailnum
group by m.carrier
