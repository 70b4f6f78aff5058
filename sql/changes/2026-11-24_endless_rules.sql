-- Rules that do not come to an end are switched off, and say so.

alter table if exists app.scoring_rules add column if not exists disabled_reason text;
alter table if exists app.classification_rules add column if not exists disabled_reason text;
