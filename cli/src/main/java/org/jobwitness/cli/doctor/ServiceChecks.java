package org.jobwitness.cli.doctor;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Response;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.service.ServiceClient.Parameter;
import org.jobwitness.wire.Health;
import org.jobwitness.wire.Node;
import org.jobwitness.wire.NodePage;
import org.jobwitness.wire.UserSession;

/** The service: whether it responds, is healthy, accepts the token, has the right time, and hears from its nodes. */
public final class ServiceChecks {
    /** The service corrects the times of samples beyond this, but not those of events. */
    private static final Duration MAX_CLOCK_DIFFERENCE = Duration.ofSeconds(5);
    /** Four intervals of the slowest agent. */
    private static final Duration MAX_SILENCE = Duration.ofMinutes(5);
    private static final int MAX_NAMES = 8;
    /** Of a proxy whose backend is unavailable. */
    private static final Set<Integer> PROXY_STATUSES = Set.of(502, 503, 504);
    private static final String ADDRESS = "--url, JOBWITNESS_URL, or OBSERVABILITY_API_URL in"
            + " /etc/jobwitness/jobwitness.conf";
    private static final String SERVER_LOG = "on the server: journalctl -u jobwitness-server";
    private static final String ASKING_SLURM = "on the server: /etc/jobwitness/server.env and journalctl -u"
            + " jobwitness-server; docs/slurm-integration.md, \"Asking Slurm\"";
    private static final String INSTALL_AGENT = ": install jobwitness-agent, then jobwitness-agent check";

    private final ServiceClient client;
    private final Clock clock;
    private final List<CheckResult> results = new ArrayList<>();

    public ServiceChecks(ServiceClient client, Clock clock) {
        this.client = client;
        this.clock = clock;
    }

    public List<CheckResult> all() {
        results.clear();
        if (isReachable() && acceptsToken()) {
            agents();
        }
        return List.copyOf(results);
    }

    private boolean isReachable() {
        try {
            int status = client.send("/v1/live", List.of()).status();
            if (status == 200) {
                results.add(CheckResult.ok("service", client.settings().url() + " responds"));
                return true;
            }
            String response = client.settings().where() + " answers /v1/live with " + status;
            results.add(PROXY_STATUSES.contains(status)
                    ? CheckResult.problem("service", response + ": a proxy is there, but not the service behind it",
                            whereToLook())
                    : CheckResult.problem("service", response + ": another server",
                            ADDRESS + " must be the service's address, without a path"));
        } catch (Problem problem) {
            results.add(CheckResult.problem("service", problem.found(), whereToLook()));
        }
        return false;
    }

    private String whereToLook() {
        String trusted = client.settings().caFile().map(file -> "--cacert " + file + " ").orElse("");
        return "on the server: systemctl status jobwitness-server; from here: curl -i " + trusted
                + client.settings().url() + "/v1/live; if it runs elsewhere: " + ADDRESS;
    }

    private boolean acceptsToken() {
        String advice = "on a login node munged signs you in; else name the file of your token in JOBWITNESS_TOKEN_FILE"
                + " or --token-file; the server's operator.token is in its data folder, which it prints at its start";
        String token = client.settings().token().map(Object::toString).orElse("");
        try {
            Instant before = clock.instant();
            Response response = client.send("/v1/health", List.of());
            Instant after = clock.instant();
            if (response.status() == 403) {
                results.add(CheckResult.unknown("health", "only operators see it"));
            } else if (response.status() != 200 && response.status() != 503) {
                results.add(CheckResult.problem("token", (token.isEmpty()
                        ? client.signInProblem().orElse("there is none, and the service requires one")
                        : token + " is rejected") + " (" + response.status() + ")", advice));
                return false;
            } else {
                Health health = client.read(response, Health.class);
                health(health);
                clock(health.timestamp(), before.plus(Duration.between(before, after).dividedBy(2)));
            }
            if (client.send("/v1/jobs", List.of(new Parameter("limit", "1"))).status() == 403) {
                results.add(CheckResult.problem("token", (token.isEmpty() ? "it" : token) + " may not read jobs",
                        advice));
                return false;
            }
            results.add(CheckResult.ok("token", identity(token)));
            return true;
        } catch (Problem problem) {
            results.add(CheckResult.problem("health", problem.found(), SERVER_LOG));
            return false;
        }
    }

    private String identity(String token) throws Problem {
        Response current = client.send("/v1/sessions/current", List.of());
        if (current.status() != 200) {
            return token.isEmpty() ? "the service requires none" : token + " is valid";
        }
        UserSession session = client.read(current, UserSession.class);
        return "signed in by " + session.method() + " as "
                + (session.user() == null ? "uid " + session.uid() : session.user()) + " (" + session.role()
                + ") until "
                + session.expiresAt();
    }

    private void health(Health health) {
        health.checks().forEach((check, state) -> results.add(state.equals("ok")
                ? CheckResult.ok(check, "healthy")
                : CheckResult.problem(check, state, check.equals("scheduler") ? ASKING_SLURM : SERVER_LOG)));
    }

    private void clock(Instant there, Instant here) {
        Duration difference = Duration.between(there, here);
        String found = "this machine's clock is " + difference.abs().toMillis() / 1000.0 + " s "
                + (difference.isNegative() ? "behind" : "ahead of") + " the service's";
        results.add(difference.abs().compareTo(MAX_CLOCK_DIFFERENCE) <= 0
                ? CheckResult.ok("clock", found)
                : CheckResult.problem("clock", found, "on both: timedatectl; one of them needs chrony or ntpd"));
    }

    private void agents() {
        try {
            agents(client.get(NodePage.class, "/v1/nodes", List.of(new Parameter("limit", "10000"))));
        } catch (Problem problem) {
            results.add(CheckResult.problem("agents", problem.found(), SERVER_LOG));
        }
    }

    private void agents(NodePage page) {
        List<String> silent = new ArrayList<>();
        List<String> without = new ArrayList<>();
        for (Node node : page.nodes()) {
            Instant seen = node.lastSeenAt();
            if (seen == null) {
                without.add(node.name());
            } else if (Duration.between(seen, clock.instant()).compareTo(MAX_SILENCE) > 0) {
                silent.add(node.name());
            }
        }
        if (page.nodes().isEmpty()) {
            results.add(
                    CheckResult.problem("agents", "no node has ever reported", "on each compute node" + INSTALL_AGENT));
            return;
        }
        int reporting = page.nodes().size() - silent.size() - without.size();
        results.add(CheckResult.ok("agents", reporting + " of " + page.total() + " nodes report"));
        if (!silent.isEmpty()) {
            results.add(CheckResult.problem("agents", "silent for more than 5 minutes: " + names(silent),
                    "on such a node: systemctl status jobwitness-agent; jobwitness doctor"));
        }
        if (!without.isEmpty()) {
            results.add(
                    CheckResult.problem("agents", "known by Slurm or by jobs, but no agent reports: " + names(without),
                            "on such a node" + INSTALL_AGENT));
        }
    }

    private static String names(List<String> nodes) {
        return nodes.stream().limit(MAX_NAMES).collect(Collectors.joining(" "))
                + (nodes.size() > MAX_NAMES ? " and " + (nodes.size() - MAX_NAMES) + " more" : "");
    }
}
