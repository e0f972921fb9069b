create index job_replaced on job (cluster) where not newest;
comment on index job_replaced is 'JobQueries.count: with job_by_state, all runs are counted without reading any.';
