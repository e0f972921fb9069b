-- For how long Slurm had a job suspended: of each sample, and added up.
insert into figure (of, number, name, is_counter) values ('job', 26, 'suspended_ms', false);
alter table job_figures add column suspended_ms bigint;
comment on column job_figures.suspended_ms is 'Null if no sample told.';
