package org.jobwitness.cli.doctor;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jobwitness.cli.service.Answer;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Service;
import org.jobwitness.cli.service.Service.Parameter;
import org.jobwitness.wire.Health;
import org.jobwitness.wire.Node;
import org.jobwitness.wire.NodePage;

/** The service: whether it answers, is well, knows the token, has the right time, and hears of its nodes. */
public final class ServiceChecks {
    /** Samples that are more than that off are put right by the service, and events are not. */
    private static final Duration CLOCKS_DIFFER = Duration.ofSeconds(5);
    /** Four intervals of the slowest agent that there should be. */
    private static final Duration SILENT = Duration.ofMinutes(5);
    private static final int MOST_NAMES = 8;
    /** What a proxy answers whose server is away. */
    private static final Set<Integer> OF_A_PROXY = Set.of(502, 503, 504);
    private static final String ADDRESS = "--url, JOBWITNESS_URL, or OBSERVABILITY_API_URL in"
            + " /etc/jobwitness/jobwitness.conf";

    private final Service service;
    private final Clock clock;

    public ServiceChecks(Service service, Clock clock) {
        this.service = service;
        this.clock = clock;
    }

    public List<Finding> all() {
        List<Finding> findings = new ArrayList<>();
        String url = service.settings().url().toString();
        try {
            Answer live = service.ask("/v1/live", List.of());
            if (live.status() != 200) {
                String answered = service.settings().where() + " answers /v1/live with " + live.status();
                findings.add(OF_A_PROXY.contains(live.status())
                        ? Finding.problem("service", answered + ": a proxy is there, but not the service behind it",
                                whereToLook())
                        : Finding.problem("service", answered + ": it is something else",
                                ADDRESS + " has to be the service's address, without a path"));
                return findings;
            }
            findings.add(Finding.ok("service", url + " answers"));
        } catch (Problem problem) {
            findings.add(Finding.problem("service", problem.found(), whereToLook()));
            return findings;
        }
        if (token(findings)) {
            nodes(findings);
        }
        return findings;
    }

    private String whereToLook() {
        String trusted = service.settings().caFile().map(file -> "--cacert " + file + " ").orElse("");
        return "where it runs: systemctl status jobwitness-server; from here: curl -i " + trusted
                + service.settings().url() + "/v1/live; if it runs elsewhere: " + ADDRESS;
    }

    /** Says whether the token may read. */
    private boolean token(List<Finding> findings) {
        String advice = "put your token's file into JOBWITNESS_TOKEN_FILE or --token-file; the server's operator.token"
                + " lies in its data folder, which it printed when it started";
        try {
            Instant before = clock.instant();
            Answer answer = service.ask("/v1/health", List.of());
            Instant after = clock.instant();
            if (answer.status() != 200 && answer.status() != 503) {
                findings.add(Finding.problem("token", service.settings().token().map(token -> token + " is refused")
                        .orElse("there is none, and the service wants one") + " (" + answer.status() + ")", advice));
                return false;
            }
            health(findings, service.read(answer, Health.class), before, after);
            if (service.ask("/v1/jobs", List.of(new Parameter("limit", "1"))).status() == 403) {
                findings.add(Finding.problem("token", service.settings().token().map(Object::toString).orElse("it")
                        + " may not read jobs", advice));
                return false;
            }
            findings.add(Finding.ok("token", service.settings().token().map(token -> token + " is known")
                    .orElse("the service wants none")));
            return true;
        } catch (Problem problem) {
            findings.add(Finding.problem("health", problem.found(),
                    "where it runs: journalctl -u jobwitness-server"));
            return false;
        }
    }

    private static void health(List<Finding> findings, Health health, Instant before, Instant after) {
        for (Map.Entry<String, String> check : new TreeMap<>(health.checks()).entrySet()) {
            findings.add(check.getValue().equals("ok")
                    ? Finding.ok(check.getKey(), "the service finds nothing wrong with it")
                    : Finding.problem(check.getKey(), check.getValue(),
                            "where the service runs: journalctl -u jobwitness-server"));
        }
        Instant here = before.plus(Duration.between(before, after).dividedBy(2));
        Duration apart = Duration.between(health.timestamp(), here);
        String found = "this machine's clock is " + apart.abs().toMillis() / 1000.0 + " s "
                + (apart.isNegative() ? "behind" : "ahead of") + " the service's";
        findings.add(apart.abs().compareTo(CLOCKS_DIFFER) <= 0
                ? Finding.ok("clock", found)
                : Finding.problem("clock", found, "on both: timedatectl; one of them needs chrony or ntpd"));
    }

    private void nodes(List<Finding> findings) {
        try {
            NodePage page = service.get(NodePage.class, "/v1/nodes", List.of(new Parameter("limit", "10000")));
            List<String> silent = new ArrayList<>();
            List<String> without = new ArrayList<>();
            for (Node node : page.nodes()) {
                Instant seen = node.lastSeenAt();
                if (seen == null) {
                    without.add(node.name());
                } else if (Duration.between(seen, clock.instant()).compareTo(SILENT) > 0) {
                    silent.add(node.name());
                }
            }
            if (page.nodes().isEmpty()) {
                findings.add(Finding.problem("agents", "no node has ever told of itself",
                        "on each compute node: install jobwitness-agent, then jobwitness-agent check"));
                return;
            }
            int heard = page.nodes().size() - silent.size() - without.size();
            findings.add(Finding.ok("agents", heard + " of " + page.total() + " nodes are heard of"));
            if (!silent.isEmpty()) {
                findings.add(Finding.problem("agents", "silent for more than 5 minutes: " + names(silent),
                        "on such a node: systemctl status jobwitness-agent; jobwitness doctor"));
            }
            if (!without.isEmpty()) {
                findings.add(Finding.problem("agents", "jobs ran on them, but no agent tells of: " + names(without),
                        "on such a node: install jobwitness-agent, then jobwitness-agent check"));
            }
        } catch (Problem problem) {
            findings.add(Finding.problem("agents", problem.found(),
                    "where the service runs: journalctl -u jobwitness-server"));
        }
    }

    private static String names(List<String> nodes) {
        return nodes.stream().limit(MOST_NAMES).collect(Collectors.joining(" "))
                + (nodes.size() > MOST_NAMES ? " and " + (nodes.size() - MOST_NAMES) + " more" : "");
    }
}
