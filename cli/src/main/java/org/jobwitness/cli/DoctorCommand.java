package org.jobwitness.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jobwitness.cli.doctor.CheckResult;
import org.jobwitness.cli.doctor.MachineChecks;
import org.jobwitness.cli.doctor.ServiceChecks;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.service.ConfFile;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;

/** {@code jobwitness doctor}. */
final class DoctorCommand {
    private static final int STATE_WIDTH = 9;
    private static final int SUBJECT_WIDTH = 17;

    static final Command COMMAND = new Command("doctor", List.of(),
            ServiceOptions.and(List.of()),
            List.of("Checks the service, its nodes and this machine, and shows what does not work and what to type.",
                    "The exit status is 1 if something does not work. Nothing is changed."),
            DoctorCommand::run);

    private DoctorCommand() {
    }

    private static int run(CliContext context, Arguments arguments) throws Problem {
        ConfFile conf = ConfFile.read(ServiceOptions.nodeConf(context));
        ServiceClient client = ServiceOptions.client(context, arguments);
        List<CheckResult> results = new ArrayList<>(new ServiceChecks(client, context.clock()).all());
        results.addAll(new MachineChecks(context.root(), conf, context.clock()).all());
        if (arguments.has(ServiceOptions.JSON)) {
            context.print(json(results));
        } else {
            context.print(page(results, context.screen()));
        }
        return problems(results) == 0 ? 0 : 1;
    }

    private static long problems(List<CheckResult> results) {
        return results.stream().filter(result -> result.state() == CheckResult.State.PROBLEM).count();
    }

    private static Page page(List<CheckResult> results, Screen screen) {
        Page page = new Page(screen);
        String arrow = screen.unicode() ? "→ " : "> ";
        for (CheckResult result : results) {
            String state = result.state().toString();
            page.paragraph("", " ".repeat(STATE_WIDTH + SUBJECT_WIDTH),
                    Text.of(state + " ".repeat(STATE_WIDTH - state.length()), style(result.state()))
                            .plus(result.what() + " ".repeat(Math.max(1, SUBJECT_WIDTH - result.what().length())))
                            .plus(result.found()));
            if (result.advice() != null) {
                page.paragraph(" ".repeat(STATE_WIDTH + SUBJECT_WIDTH) + arrow,
                        " ".repeat(STATE_WIDTH + SUBJECT_WIDTH + 2),
                        Text.of(result.advice(), Style.STRONG));
            }
        }
        long problems = problems(results);
        return page.blank().line(problems == 0
                ? "No problems found in what could be checked."
                : Units.count(problems, "problem") + ".");
    }

    private static Style style(CheckResult.State state) {
        return switch (state) {
            case OK -> Style.GOOD;
            case UNKNOWN -> Style.FAINT;
            case PROBLEM -> Style.BAD;
        };
    }

    private static String json(List<CheckResult> results) {
        return results.stream().map(result -> "{\"state\":" + quoted(result.state().toString()) + ",\"what\":"
                + quoted(result.what()) + ",\"found\":" + quoted(result.found())
                + (result.advice() == null ? "" : ",\"advice\":" + quoted(result.advice())) + "}")
                .collect(Collectors.joining(",", "{\"findings\":[", "]}\n"));
    }

    /** Without control characters, so that nothing but these two needs an escape. */
    private static String quoted(String text) {
        return '"' + Text.of(text).plain().replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
