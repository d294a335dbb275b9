//! Power loss: what was not synced is gone. What a store acknowledged must be there, and nothing half.
