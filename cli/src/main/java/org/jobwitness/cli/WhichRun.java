package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.cli.service.Service;
import org.jobwitness.cli.service.Service.Parameter;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.JobId;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which run of which job is meant. */
final class WhichRun {
    @Parameters(paramLabel = "ID", description = "The job's id, as Slurm has it: 12345.")
    private String id = "";

    @Option(names = "--cluster", paramLabel = "NAME", description = "The cluster, where several use the same ids.")
    private @Nullable String cluster;

    @Option(names = "--run", paramLabel = "NUMBER", description = "One run of a job that was requeued; else the newest. jobwitness jobs --search ID lists them.")
    private @Nullable Long run;

    /** @param below such as {@code /series}, or nothing for the job itself */
    String path(String below) throws Problem {
        try {
            return "/v1/jobs/" + Service.encoded(JobId.of("ID", id)) + below;
        } catch (InvalidFieldException e) {
            throw new Problem(Kind.USAGE, String.valueOf(e.getMessage()));
        }
    }

    List<Parameter> parameters() {
        return List.of(new Parameter("cluster", cluster), new Parameter("run", run == null ? null : run.toString()));
    }
}
