/* headwater
description = "Aircraft that flew but that the registry cannot date: undated there, or not there at all."
unique_key = "tailnum"

[columns.tailnum]
description = "Registration of the aircraft"
tags = ["aircraft"]
*/
select
    s.tailnum,
    s.flights,
    case when u.tailnum is null then 'not registered' else 'no year' end as gap
from marts.aircraft_scorecard as s
left join staging.planes_undated as u on u.tailnum = s.tailnum
where s.age is null
