package org.jobwitness.server.page;

import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.parameter;
import static org.jobwitness.server.http.Requests.text;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.access.BrowserCookie;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.ErrorPage;
import org.jobwitness.server.http.StaticFile;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.node.SeenJobs;
import org.jobwitness.server.query.JobFilter;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.query.JobSort;
import org.jobwitness.server.query.JobsEndpoint;
import org.jobwitness.server.query.UserSummaries;
import org.jobwitness.server.report.AllReports;
import org.jobwitness.server.report.Period;
import org.jobwitness.server.report.ReportRequest;
import org.jobwitness.server.report.ReportsEndpoint;
import org.jobwitness.wire.ErrorResponse;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.JobId;
import org.jobwitness.wire.JobPage;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Node;
import org.jobwitness.wire.NodePage;
import org.jobwitness.wire.ReportTalk;
import org.jobwitness.wire.UserSummary;
import org.jspecify.annotations.Nullable;

/** The routes of the pages for people. */
public final class Pages implements ErrorPage {
    private static final Duration DAY = Duration.ofDays(1);
    private static final Duration WEEK = Duration.ofDays(7);
    private static final Duration MONTH = Duration.ofDays(30);
    private static final int MAX_NODES = 10_000;
    private static final int UNAVAILABLE = 503;
    private static final String RETRY_SECONDS = "10";
    /** Of each list of an overview; a link leads to the others. */
    private static final int MAX_LISTED = 15;

    private final JobQueries jobs;
    private final UserSummaries summaries;
    private final AllReports reports;
    private final NodeTable nodes;
    private final SeenJobs seenJobs;
    private final JobReader reader;
    private final Site site;
    private final PageResponses responses;
    private final BrowserCookie cookie;
    private final Clock clock;
    private final Map<String, StaticFile> assets = Stream.of(StaticFile.of("/page/page.css", StaticFile.STYLES),
            StaticFile.of("/page/page.js", StaticFile.SCRIPT), StaticFile.of("/page/charts.js", StaticFile.SCRIPT),
            StaticFile.of("/page/times.js", StaticFile.SCRIPT), StaticFile.of("/page/live.js", StaticFile.SCRIPT),
            StaticFile.of(uPlot("uPlot.min.css"), StaticFile.STYLES),
            StaticFile.of(uPlot("uPlot.iife.min.js"), StaticFile.SCRIPT))
            .collect(Collectors.toMap(StaticFile::name, Function.identity()));

    /**
     * What the site has set.
     *
     * @param grafana the address of Grafana, without a slash at its end; empty for none
     * @param provider the host of the OpenID provider; empty for none
     * @param frameAncestors origins whose pages may embed ours; empty for none
     */
    public record Site(Optional<String> grafana, Optional<String> provider, List<String> frameAncestors) {
        public Site {
            frameAncestors = List.copyOf(frameAncestors);
        }
    }

    public Pages(JobQueries jobs, JobReader reader, UserSummaries summaries, AllReports reports, NodeTable nodes,
            SeenJobs seenJobs, Site site, BrowserCookie cookie, Clock clock) {
        this.jobs = jobs;
        this.reader = reader;
        this.summaries = summaries;
        this.reports = reports;
        this.site = site;
        this.nodes = nodes;
        this.seenJobs = seenJobs;
        this.responses = new PageResponses(site.grafana(), site.provider(), cookie);
        this.cookie = cookie;
        this.clock = clock;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/", this::home, Role.USER);
        routes.get("/jobs", this::list, Role.USER);
        routes.get("/jobs/{id}", this::job, Role.USER, Role.SHARED);
        routes.get("/arrays/{id}", ctx -> send(ctx, ArrayView.of(links(ctx), reader.readArray(ctx))), Role.USER);
        routes.get("/cluster", this::cluster, Role.USER);
        routes.get("/nodes/{name}", this::node, Role.USER);
        routes.get("/users/{user}", ctx -> owner(ctx, "user"), Role.USER);
        routes.get("/accounts/{account}", ctx -> owner(ctx, "account"), Role.USER);
        routes.get("/reports", this::report, Role.USER);
        routes.get("/reports/talk", this::talk, Role.USER);
        routes.get("/search", this::search, Role.USER);
        routes.get("/assets/{file}", ctx -> asset(ctx.pathParam("file")).send(ctx, PageResponses.POLICY), Role.OPEN);
    }

    private static String uPlot(String file) {
        return StaticFile.inWebjar("org.webjars.npm", "uplot", "dist/" + file);
    }

    private StaticFile asset(String name) {
        return Optional.ofNullable(assets.get(name))
                .orElseThrow(() -> ApiException.notFound("there is no file " + shown(name)));
    }

    private void send(Context ctx, String html) {
        PageResponses.send(ctx, html);
        PageResponses.allowFrames(ctx, site.frameAncestors());
    }

    private Links links(Context ctx) {
        return responses.links(ctx);
    }

    @Override
    public Optional<String> of(Context ctx, int status, ErrorResponse error) {
        String accept = ctx.header("Accept");
        String path = ctx.path();
        if (accept == null || !accept.contains("text/html") || path.startsWith("/v1/") || path.startsWith("/metrics")) {
            return Optional.empty();
        }
        PageResponses.setHeaders(ctx);
        PageResponses.allowFrames(ctx, site.frameAncestors());
        if (status == UNAVAILABLE && ctx.method().equals(HandlerType.GET)) {
            ctx.header("Refresh", RETRY_SECONDS);
        }
        return Optional.of(ErrorView.of(links(ctx), status, error,
                path + (ctx.queryString() == null ? "" : "?" + ctx.queryString()), cookie.isSent(ctx)));
    }

    /** Operators begin with the cluster, all others with their own jobs. */
    private void home(Context ctx) {
        onlyParameters(ctx, Set.of());
        Caller caller = Caller.of(ctx);
        send(ctx, caller.scope() instanceof Scope.Everything
                ? clusterPage(ctx)
                : OverviewView.mine(links(ctx), overview(caller, Map.of(), WEEK)));
    }

    private void cluster(Context ctx) {
        onlyParameters(ctx, Set.of());
        send(ctx, clusterPage(ctx));
    }

    private String clusterPage(Context ctx) {
        Caller caller = Caller.of(ctx);
        NodePage all = nodes.list(caller.scope(), null, null, MAX_NODES, 0, clock.instant());
        List<SeenJobs.Seen> seen = caller.scope() instanceof Scope.Everything ? seenJobs.all() : List.of();
        return OverviewView.cluster(links(ctx), all, seen, overview(caller, Map.of(), DAY));
    }

    private void node(Context ctx) {
        onlyParameters(ctx, Set.of("cluster"));
        String name = ctx.pathParam("name");
        Caller caller = Caller.of(ctx);
        List<Node> found = nodes.list(caller.scope(), text(ctx, "cluster"), name, 2, 0,
                clock.instant()).nodes();
        if (found.isEmpty()) {
            throw ApiException
                    .notFound("no node " + shown(name) + " is known: no job ran on it and no agent reported it");
        }
        send(ctx, OverviewView.node(links(ctx), found.getFirst(), overview(caller, Map.of("node", name), WEEK)));
    }

    private void owner(Context ctx, String what) {
        onlyParameters(ctx, Set.of());
        String name = ctx.pathParam(what);
        Caller caller = Caller.of(ctx);
        Instant now = clock.instant();
        boolean isUser = what.equals("user");
        Optional<UserSummary> summary = isUser
                ? summaries.of(caller, new UserSummaries.Question(name, null, now.minus(MONTH), now))
                : Optional.<UserSummary>empty();
        if (summary.isEmpty()
                && list(caller, Map.of(what, name), Set.of(), null, JobSort.NEWEST_START, 1).total() == 0) {
            throw ApiException.notFound("no job of " + what + " " + shown(name) + " is recorded");
        }
        send(ctx, OverviewView.owner(links(ctx), what, name, summary.orElse(null),
                overview(caller, Map.of(what, name), WEEK)));
    }

    /** @param filter by one of user, account and node, or by nothing */
    private OverviewView.Jobs overview(Caller caller, Map<String, String> filter, Duration failedWithin) {
        Instant now = clock.instant();
        String user = filter.get("user");
        String account = filter.get("account");
        List<JobQueries.IdleGpus> idle = filter.containsKey("node")
                ? List.of()
                : jobs.idleGpus(caller, MAX_LISTED).stream()
                        .filter(one -> user == null || user.equals(one.job().user()))
                        .filter(one -> account == null || account.equals(one.job().scheduler().account())).toList();
        return new OverviewView.Jobs(jobs.ends(caller, filter(filter, Set.of()), now.minus(DAY)), idle,
                list(caller, filter, Set.of(JobState.FAILED), now.minus(failedWithin), JobSort.NEWEST_END, MAX_LISTED)
                        .jobs(),
                list(caller, filter, Set.of(JobState.RUNNING), null, JobSort.NEWEST_START, MAX_LISTED).jobs(),
                list(caller, filter, Set.of(JobState.PENDING), null, JobSort.OLDEST_START, MAX_LISTED).jobs());
    }

    private JobPage list(Caller caller, Map<String, String> filter, Set<JobState> states, @Nullable Instant from,
            JobSort sort, int limit) {
        return jobs.list(caller,
                new JobQueries.ListRequest(filter(filter, states), from, null, sort, limit, 0, null));
    }

    private static JobFilter filter(Map<String, String> by, Set<JobState> states) {
        return JobFilter.of(states, by.get("user"), by.get("account"), by.get("node"));
    }

    /** A form sends all of its fields: without the empty ones, the address is one that people can read and share. */
    private void list(Context ctx) {
        Map<String, String> given = given(ctx);
        if (given.containsValue("")) {
            given.values().removeIf(String::isEmpty);
            PageResponses.redirect(ctx, links(ctx).jobs(flat(given)));
            return;
        }
        JobPage page = jobs.list(Caller.of(ctx), JobsEndpoint.listRequest(ctx));
        Map<String, String> next = new LinkedHashMap<>();
        if (page.nextCursor() != null) {
            next.putAll(given);
            next.remove("offset");
            next.put("cursor", page.nextCursor());
        }
        send(ctx, JobsView.of(links(ctx), page, given, next));
    }

    /** The query parameters, as a form sends them. */
    private static Map<String, String> given(Context ctx) {
        Map<String, String> given = new LinkedHashMap<>();
        ctx.queryParamMap().forEach((name, values) -> given.put(name, String.join(",", values)));
        return given;
    }

    private void report(Context ctx) {
        Map<String, String> given = given(ctx);
        Links links = links(ctx);
        if (given.containsValue("")) {
            given.values().removeIf(String::isEmpty);
            PageResponses.redirect(ctx, links.page("reports" + Links.query(flat(given))));
            return;
        }
        ReportRequest request = ReportRequest.of(ctx, LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC), Set.of());
        send(ctx, ReportView.of(links, reports.sums().of(Caller.of(ctx), request), request, given));
    }

    private void talk(Context ctx) {
        ReportTalk talk = ReportsEndpoint.talk(ctx, reports.talks(),
                LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC));
        boolean seesAll = Caller.of(ctx).scope() instanceof Scope.Everything;
        send(ctx, TalkView.of(links(ctx), talk,
                seesAll ? reports.faults().of(new Period(talk.from(), talk.to())) : null));
    }

    private static String[] flat(Map<String, String> parameters) {
        return parameters.entrySet().stream().flatMap(one -> Stream.of(one.getKey(), one.getValue()))
                .toArray(String[]::new);
    }

    private void job(Context ctx) {
        send(ctx, JobView.of(links(ctx), reader.read(ctx)));
    }

    /** A job's id in any of Slurm's forms or messages, the name of a node or a user, else a text that is searched for. */
    private void search(Context ctx) {
        onlyParameters(ctx, Set.of("q"));
        String asked = parameter(ctx, "q").orElse("").strip();
        Caller caller = Caller.of(ctx);
        Links links = links(ctx);
        PageResponses.redirect(ctx, asked.isEmpty() ? links.jobs() : found(caller, links, asked));
    }

    private Optional<String> jobOrArray(Caller caller, Links links, String asked) {
        String id;
        try {
            id = JobId.asked("q", asked);
        } catch (InvalidFieldException _) {
            return Optional.empty();
        }
        return jobs.findAsked(caller, id, null, null)
                .map(job -> job.array() == null ? links.job(id) : links.array(job.array().id(), job.cluster()));
    }

    private String found(Caller caller, Links links, String asked) {
        Optional<String> job = jobOrArray(caller, links, asked);
        if (job.isPresent()) {
            return job.get();
        }
        if (!nodes.list(caller.scope(), null, asked, 1, 0, clock.instant()).nodes().isEmpty()) {
            return links.page("nodes/" + Links.encode(asked));
        }
        for (String what : List.of("user", "account")) {
            if (list(caller, Map.of(what, asked), Set.of(), null, JobSort.NEWEST_START, 1).total() > 0) {
                return links.page(what + "s/" + Links.encode(asked));
            }
        }
        return PastedIds.in(asked).stream().flatMap(id -> jobOrArray(caller, links, id).stream()).findFirst()
                .orElseGet(() -> links.jobs("q", asked));
    }
}
