-- Calls are counted by the day and hour of whoever was called: a day there is a date, no moment.

drop view if exists api.call_outcomes;
