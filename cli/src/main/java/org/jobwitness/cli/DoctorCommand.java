package org.jobwitness.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jobwitness.cli.doctor.Finding;
import org.jobwitness.cli.doctor.MachineChecks;
import org.jobwitness.cli.doctor.ServiceChecks;
import org.jobwitness.cli.service.ConfFile;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Service;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code jobwitness doctor}. */
@Command(name = "doctor", mixinStandardHelpOptions = true, versionProvider = Version.class, description = {
        "Looks at the service, its nodes and this machine, and says what does not work and what to type.",
        "The exit status is 1 if something does not work. Nothing is changed."})
final class DoctorCommand implements Callable<Integer> {
    private static final int STATE = 9;
    private static final int WHAT = 17;

    private final World world;

    @Mixin
    private Common common = new Common();

    DoctorCommand(World world) {
        this.world = world;
    }

    @Override
    public Integer call() throws Problem {
        ConfFile conf = ConfFile.read(Common.confPath(world));
        Service service = new Service(common.settings(world, conf), Version.here());
        List<Finding> findings = new ArrayList<>(new ServiceChecks(service, world.clock()).all());
        findings.addAll(new MachineChecks(world.root(), conf, world.clock()).all());
        if (common.json()) {
            world.show(json(findings));
        } else {
            world.show(page(findings));
        }
        return problems(findings) == 0 ? 0 : 1;
    }

    private static long problems(List<Finding> findings) {
        return findings.stream().filter(finding -> finding.state() == Finding.State.PROBLEM).count();
    }

    private Page page(List<Finding> findings) {
        Page page = new Page(world.screen());
        String arrow = world.screen().unicode() ? "→ " : "> ";
        for (Finding finding : findings) {
            String state = finding.state().toString();
            page.paragraph("", " ".repeat(STATE + WHAT),
                    Text.of(state + " ".repeat(STATE - state.length()), style(finding.state()))
                            .plus(finding.what() + " ".repeat(Math.max(1, WHAT - finding.what().length())))
                            .plus(finding.found()));
            if (finding.advice() != null) {
                page.paragraph(" ".repeat(STATE + WHAT) + arrow, " ".repeat(STATE + WHAT + 2),
                        Text.of(finding.advice(), Style.STRONG));
            }
        }
        long problems = problems(findings);
        return page.blank().line(problems == 0
                ? "Nothing is wrong, as far as can be seen from here."
                : Units.count(problems, "problem") + ".");
    }

    private static Style style(Finding.State state) {
        return switch (state) {
            case OK -> Style.GOOD;
            case UNKNOWN -> Style.FAINT;
            case PROBLEM -> Style.BAD;
        };
    }

    private static String json(List<Finding> findings) {
        return findings.stream().map(finding -> "{\"state\":" + quoted(finding.state().toString()) + ",\"what\":"
                + quoted(finding.what()) + ",\"found\":" + quoted(finding.found())
                + (finding.advice() == null ? "" : ",\"advice\":" + quoted(finding.advice())) + "}")
                .collect(Collectors.joining(",", "{\"findings\":[", "]}\n"));
    }

    /** Without control characters, so that nothing but these two needs an escape. */
    private static String quoted(String text) {
        return '"' + Text.of(text).plain().replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
