package org.jobwitness.server.page;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Ids of jobs in what people paste: lines of sbatch, squeue, scontrol and slurmstepd, subjects of mails, names of output files.
 */
final class PastedIds {
    private static final int MAX_IDS = 5;
    private static final Pattern ID = Pattern
            .compile("(?:(?<![A-Za-z0-9])(?i:job|jobid|job_id|step|stepid|allocation|slurm|-j)(?![A-Za-z0-9])|#)"
                    + "[ =#:-]{0,3}(?<![A-Za-z0-9])"
                    + "([0-9]{1,18}(?:[_+][0-9]{1,10}|_\\[[0-9,:%.-]{1,200}]|_\\*)?)(?![A-Za-z0-9_])");

    private PastedIds() {
    }

    /** The first of them, in their order. */
    static List<String> in(String text) {
        return ID.matcher(text).results().map(found -> found.group(1)).distinct().limit(MAX_IDS).toList();
    }
}
