"""The slices of time that tables are made in.

A partitioned asset is made slice by slice: a changed day is one day's work. ``DAYS`` and ``MONTHS`` are calendar days
and months *in New York*, although the data is stamped in UTC: 2013-03-10 has 23 hours here and 2013-11-03 has 25, and
a flight that left at 23:59 belongs to the day on which its passengers left.

An asset by the month may read one by the day, and then each month reads its days: that much is understood without
being said, because both definitions tell time in one zone.
"""

from headwater import Daily, Monthly

NEW_YORK = "America/New_York"
DAYS = Daily("2013-01-01", "2014-01-01", timezone=NEW_YORK)  # the end is exclusive, as in Python
MONTHS = Monthly("2013-01", "2014-01", timezone=NEW_YORK)
