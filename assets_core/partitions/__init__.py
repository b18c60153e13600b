"""Partition definitions: the slices of an asset, their keys and their windows in time."""

from assets_core.partitions.calendars import Daily as Daily
from assets_core.partitions.calendars import Hourly as Hourly
from assets_core.partitions.calendars import Monthly as Monthly
from assets_core.partitions.calendars import Quarterly as Quarterly
from assets_core.partitions.calendars import Weekly as Weekly
from assets_core.partitions.calendars import Yearly as Yearly
from assets_core.partitions.cron import Cron as Cron
from assets_core.partitions.kinds import Partitions as Partitions
from assets_core.partitions.kinds import Timed as Timed
from assets_core.partitions.kinds import checked_columns as checked_columns
from assets_core.partitions.kinds import columns_of as columns_of
from assets_core.partitions.kinds import describe as describe
from assets_core.partitions.kinds import dimensions_of as dimensions_of
from assets_core.partitions.kinds import dynamic_names as dynamic_names
from assets_core.partitions.kinds import filled as filled
from assets_core.partitions.kinds import word_of as word_of
from assets_core.partitions.multi import Multi as Multi
from assets_core.partitions.named import Dynamic as Dynamic
from assets_core.partitions.named import Static as Static
from assets_core.partitions.partition import Partition as Partition
from assets_core.partitions.ranges import key_of as key_of
from assets_core.partitions.ranges import plain_key as plain_key
from assets_core.partitions.ranges import ranges as ranges
from assets_core.partitions.ranges import select_range as select_range
from assets_core.partitions.time_windows import TimePartitions as TimePartitions
from assets_core.partitions.time_windows import Unit as Unit
