"""Mappings: which slots of an input one slot reads, and which slots read it."""

from assets_core.mappings.choose import infer as infer
from assets_core.mappings.kinds import AllPartitions as AllPartitions
from assets_core.mappings.kinds import Outside as Outside
from assets_core.mappings.kinds import PartitionMapping as PartitionMapping
from assets_core.mappings.kinds import Window as Window
from assets_core.mappings.kinds import all_partitions as all_partitions
from assets_core.mappings.kinds import dimension as dimension
from assets_core.mappings.kinds import identity as identity
from assets_core.mappings.kinds import last as last
from assets_core.mappings.kinds import mapped as mapped
from assets_core.mappings.kinds import reads_last as reads_last
from assets_core.mappings.kinds import static_map as static_map
from assets_core.mappings.kinds import window as window
from assets_core.mappings.reads import downstream_keys as downstream_keys
from assets_core.mappings.reads import downstream_places as downstream_places
from assets_core.mappings.reads import same_places as same_places
from assets_core.mappings.reads import upstream_keys as upstream_keys
from assets_core.mappings.reads import upstream_places as upstream_places
