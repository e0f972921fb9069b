package org.jobwitness.server.page;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What people paste into the search. */
class PastedIdsTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"Submitted batch job 500|500",
            "sbatch: Submitted batch job 500 on cluster a|500",
            "JobId=500 JobName=x|500", "JobID=500_7|500_7", "StepId=500_7.batch|500_7", "'#500'|500", "Job 500|500",
            "Slurm Job_id=500_7 Name=x Failed, Run time 00:01:24, TIMEOUT|500_7",
            "Slurm Array Summary Job_id=500_* (500) Name=x|500_*", "salloc: Granted job allocation 500|500",
            "srun: job 500 queued and waiting for resources|500", "slurm-500_7.out|500_7",
            "/home/alice/slurm-500.out|500", "squeue -j 500|500", "scancel --job 510+1|510+1",
            "slurmstepd: error: *** JOB 500 ON n1 CANCELLED AT 2026-11-30T10:00:00 DUE TO TIME LIMIT ***|500",
            "slurmstepd: error: *** STEP 500.0 ON n1 CANCELLED AT 2026-11-30T10:00:00 ***|500",
            "job 500_[1-3%2] is held|500_[1-3%2]"})
    void theIdIsFoundInTheLine(String line, String id) {
        assertThat(PastedIds.in(line)).first().isEqualTo(id);
    }

    @ParameterizedTest
    @ValueSource(strings = {"500", "n500", "myjob500", "jobs of 2026", "lattice-500", "job", "job x7", "step 5a",
            "job \u0661\u0662", "job \uff15\uff10"})
    void otherTextHasNone(String text) {
        assertThat(PastedIds.in(text)).isEqualTo(List.of());
    }
}
