/* headwater
description = "Carriers by code."
unique_key = "carrier"
checks = [{not_null = ["carrier", "airline"]}, {row_count = [10, 20]}]
*/
-- The leading comment holds TOML with the decorator's words. The inputs are read off the query:
-- raw.airlines is the source raw/airlines.
select
    carrier,
    trim(name) as airline
from raw.airlines
