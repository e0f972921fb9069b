create index job_array on job ((scheduler ->> 'array_job_id'), cluster) where scheduler ->> 'array_job_id' is not null;
comment on index job_array is 'EvidenceReader.otherTasks: the runs of a job array.';
