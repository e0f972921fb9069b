package org.jobwitness.cli;

import java.time.Duration;
import java.util.List;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Response;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.service.ServiceClient.Parameter;
import org.jobwitness.cli.text.Page;
import org.jobwitness.wire.ArrayVerdict;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.Verdict;

/** {@code jobwitness why ID}. */
final class WhyCommand {
    private static final Duration INTERVAL = Duration.ofSeconds(1);
    private static final Option WAIT = Option.of("--wait", "SECONDS", "While the job has not ended, ask again for this"
            + " long. The mail may be sent before the service hears that the job ended.");

    private static final Option EXIT_CODE = Option.flag("--exit-code",
            "For scripts: the exit status says whether to submit"
                    + " the job again. 0: no, it completed, or Slurm runs it again; 10: yes, as it is; 11: with more memory; 12: with"
                    + " more time; 13: on another node; 14: no, it would end in the same way; 15: not known, or it has not ended.");

    static final Command COMMAND = new Command("why", RunOptions.OPERANDS,
            ServiceOptions.and(RunOptions.ALL, WAIT, EXIT_CODE),
            List.of("Shows why a job ended, whether it used what it asked for, and what to ask for next time.",
                    "The exit status is 0 if there is a verdict, however the job ended, unless --exit-code is given."),
            WhyCommand::run);

    private WhyCommand() {
    }

    private static int run(CliContext context, Arguments arguments) throws Problem, InterruptedException {
        Duration wait = Duration.ofSeconds(arguments.number(WAIT, 0, 0, Integer.MAX_VALUE));
        ServiceClient client = ServiceOptions.client(context, arguments);
        long start = System.nanoTime();
        Response response = ask(client, arguments);
        Verdict verdict = client.read(response, Verdict.class);
        while (!verdict.outcome().state().isFinal() && System.nanoTime() - start < wait.toNanos()) {
            Thread.sleep(INTERVAL);
            response = ask(client, arguments);
            verdict = client.read(response, Verdict.class);
        }
        if (arguments.has(ServiceOptions.JSON)) {
            context.print(response.json());
        } else {
            Job job = RunOptions.mayBeWhole(arguments)
                    ? client.get(Job.class, RunOptions.path(arguments, ""), RunOptions.parameters(arguments))
                    : null;
            Response ofArray = job == null || job.array() == null
                    ? null
                    : client.get("/v1/arrays/" + ServiceClient.encoded(job.array().id()),
                            List.of(new Parameter("cluster", job.cluster())));
            ArrayVerdict array = ofArray == null ? null : client.read(ofArray, ArrayVerdict.class);
            Page page = WhyPage.of(verdict, job, array, context.screen(), context.zone());
            RunOptions.addPage(page, ofArray == null ? response : ofArray);
            context.print(page);
        }
        return arguments.has(EXIT_CODE) ? verdict.retry().how().exitStatus() : 0;
    }

    private static Response ask(ServiceClient client, Arguments arguments) throws Problem {
        return client.get(RunOptions.path(arguments, "/verdict"), RunOptions.parameters(arguments));
    }
}
