/* headwater
description = "Airports by code, with their place on the globe."
unique_key = "airport"
checks = [
    {matches = ["airport", "[A-Z0-9]{3}"]},
    {not_null = "timezone", severity = "warn"},
]
*/
-- The check that only warns fires: three airports have no time zone.
select
    faa as airport,
    name,
    lat,
    lon,
    (alt * 0.3048)::double as altitude_m,
    tzone as timezone
from raw.airports
