"""The typed records that pass between rooms. Ids are content hashes: a second run never duplicates."""
