package org.jobwitness.server;

import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.ApiDocument;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.RawConnection;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.wire.ArrayVerdict;
import org.jobwitness.wire.AuditEntry;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.BatchResponse;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.EpilogReading;
import org.jobwitness.wire.ErrorResponse;
import org.jobwitness.wire.EventResponse;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.Health;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobDeleted;
import org.jobwitness.wire.JobFigures;
import org.jobwitness.wire.JobFinished;
import org.jobwitness.wire.JobGpu;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobPage;
import org.jobwitness.wire.JobPatch;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.JobStarted;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.NewJob;
import org.jobwitness.wire.NewLink;
import org.jobwitness.wire.NewSample;
import org.jobwitness.wire.NewSignInCode;
import org.jobwitness.wire.Node;
import org.jobwitness.wire.NodeFigures;
import org.jobwitness.wire.NodePage;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.OomKill;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Report;
import org.jobwitness.wire.ReportFaults;
import org.jobwitness.wire.ReportTalk;
import org.jobwitness.wire.SamplePage;
import org.jobwitness.wire.Scheduler;
import org.jobwitness.wire.SeriesPage;
import org.jobwitness.wire.SessionPage;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.SignIn;
import org.jobwitness.wire.SignInCode;
import org.jobwitness.wire.SignedIn;
import org.jobwitness.wire.StreamFigures;
import org.jobwitness.wire.StreamOverflow;
import org.jobwitness.wire.UserSession;
import org.jobwitness.wire.UserSummary;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Holds the API document against the server, and the server against the document. */
class OpenApiTest {
    private static final String LEAST_START = "{\"job_id\":\"%s\",\"user\":\"alice\",\"node_list\":[\"n001\"]}";
    private static final Map<String, Class<? extends Record>> ANSWERS = Map.ofEntries(entry("Job", Job.class),
            entry("Scheduler", Scheduler.class), entry("JobPage", JobPage.class), entry("AuditEntry", AuditEntry.class),
            entry("EventResponse", EventResponse.class), entry("Health", Health.class),
            entry("Error", ErrorResponse.class),
            entry("SamplePage", SamplePage.class), entry("Sample", SamplePage.Sample.class),
            entry("NodePage", NodePage.class), entry("Node", Node.class), entry("UserSummary", UserSummary.class),
            entry("JobFigures", JobFigures.class), entry("BatchResponse", BatchResponse.class),
            entry("RefusedReading", BatchResponse.Refused.class), entry("SeriesPage", SeriesPage.class),
            entry("Series", SeriesPage.Series.class), entry("AbsentMetric", SeriesPage.Absent.class),
            entry("JobDeleted", JobDeleted.class), entry("StreamFigures", StreamFigures.class),
            entry("StreamOverflow", StreamOverflow.class), entry("JobOomKill", JobOomKill.class),
            entry("JobGpu", JobGpu.class), entry("JobGpuReading", JobGpu.Latest.class),
            entry("Verdict", Verdict.class), entry("VerdictOutcome", Verdict.Outcome.class),
            entry("OutOfMemory", Verdict.OutOfMemory.class), entry("Fact", Verdict.Fact.class),
            entry("Quantity", Verdict.Quantity.class), entry("Finding", Verdict.Finding.class),
            entry("NotJudged", Verdict.NotJudged.class), entry("NextRequest", Verdict.NextRequest.class),
            entry("SbatchOption", Verdict.Option.class),
            entry("SignedIn", SignedIn.class), entry("UserSession", UserSession.class),
            entry("SessionPage", SessionPage.class), entry("SignInCode", SignInCode.class),
            entry("ArrayVerdict", ArrayVerdict.class), entry("ArrayEnd", ArrayVerdict.End.class),
            entry("ArrayExample", ArrayVerdict.Example.class), entry("ArrayTask", ArrayVerdict.Task.class),
            entry("ArrayAgain", ArrayVerdict.Again.class), entry("Report", Report.class),
            entry("ReportRow", Report.Row.class), entry("ReportHours", Report.Hours.class),
            entry("ReportWaiting", Report.Waiting.class), entry("ReportEnd", Report.End.class),
            entry("ReportTalk", ReportTalk.class), entry("ReportTopic", ReportTalk.Topic.class),
            entry("ReportExample", ReportTalk.Example.class), entry("ReportFaults", ReportFaults.class),
            entry("ReportFault", ReportFaults.Fault.class), entry("ReportExclude", ReportFaults.Exclude.class));
    private static final Map<String, Class<? extends Record>> REQUESTS = Map.ofEntries(
            entry("JobStarted", JobStarted.class), entry("JobFinished", JobFinished.class),
            entry("Reading", EpilogReading.class), entry("NewJob", NewJob.class),
            entry("JobPatch", JobPatch.class),
            entry("NewSample", NewSample.class), entry("Batch", Batch.class), entry("NodeFigures", NodeFigures.class),
            entry("JobReading", JobReading.class), entry("GpuReading", GpuReading.class),
            entry("GpuDevice", GpuDevice.class),
            entry("OomKill", OomKill.class), entry("SignIn", SignIn.class),
            entry("NewLink", NewLink.class), entry("NewSignInCode", NewSignInCode.class));
    /** Of these, what cannot be used is left out, and the rest counts. */
    private static final Set<String> LEAVE_OUT = Set.of("JobStarted", "JobFinished", "Batch");
    /** In which message a schema is sent that is not one itself. */
    private static final Map<String, String> HOLDERS = Map.of("Reading", "JobFinished", "Scheduler", "NewJob",
            "NodeFigures", "Batch", "JobReading", "Batch", "GpuReading", "Batch",
            "GpuDevice", "Batch", "OomKill", "Batch");
    /** Fields of Scheduler that are refused in requests, because the fields of events tell them. */
    private static final List<String> ONLY_IN_ANSWERS = List.of("sluid", "exit_code", "signal", "derived_exit_code",
            "restart_count", "het_job_id");

    private static TestServer server;
    private final ApiDocument document = server.document();

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void everyRouteIsInTheDocumentAndTheOtherWayRound() {
        List<String> routes = server.routes();
        assertThat(routes.stream().filter(route -> !route.startsWith("HEAD ")))
                .containsExactlyInAnyOrderElementsOf(document.operations());
    }

    @Test
    void everyGetIsAlsoAHead() {
        assertThat(methods("HEAD")).isEqualTo(methods("GET")).isNotEmpty();
    }

    private static List<String> methods(String method) {
        return server.routes().stream().filter(route -> route.startsWith(method + " "))
                .map(route -> route.substring(method.length() + 1)).sorted().toList();
    }

    @Test
    void theDocumentNamesEveryFieldAndNoOther() {
        Map<String, Class<? extends Record>> all = new HashMap<>(ANSWERS);
        all.putAll(REQUESTS);
        all.forEach((name, type) -> assertThat(document.schema(name).required("properties").propertyNames()).as(name)
                .containsExactlyInAnyOrderElementsOf(
                        Stream.of(type.getRecordComponents()).map(OpenApiTest::jsonName).toList()));
    }

    @Test
    void anAnswersFieldIsRequiredIfItIsAlwaysThere() {
        ANSWERS.forEach((name, type) -> assertThat(texts(document.schema(name).required("required"))).as(name)
                .containsExactlyInAnyOrderElementsOf(Stream.of(type.getRecordComponents())
                        .filter(field -> !field.getAnnotatedType().isAnnotationPresent(Nullable.class))
                        .map(OpenApiTest::jsonName).toList()));
    }

    @Test
    void aRequestsFieldIsRequiredIfItMayNotBeMissing() {
        for (String name : List.of("JobStarted", "JobFinished", "NewJob", "NewSample", "Batch")) {
            List<String> required = texts(document.schema(name).required("required"));
            ObjectNode least = least(name, "least-" + name);
            assertThat(least.propertyNames()).containsExactlyInAnyOrderElementsOf(required);
            for (String field : required) {
                ObjectNode without = least.deepCopy();
                without.remove(field);
                assertThat(send(name, without).field()).isEqualTo(field);
            }
            assertThat(send(name, least).status()).isIn(200, 201);
        }
    }

    @Test
    void ofAChangeNoFieldIsRequiredButOneOfThem() {
        JsonNode schema = document.schema("JobPatch");
        assertThat(schema.has("required")).isFalse();
        assertThat(schema.required("minProperties").asInt()).isOne();
        assertThat(send("JobPatch", least("JobPatch", "")).status()).isEqualTo(400);
        for (var field : schema.required("properties").properties()) {
            ObjectNode patch = least("JobPatch", "");
            patch.set(field.getKey(), aValue(deeplyResolved(field.getValue()), "running"));
            assertThat(send("JobPatch", patch).status()).as(field.getKey()).isEqualTo(200);
        }
    }

    @Test
    void theSchedulersWordsMayBeToldButForThoseThatOnlyAnswersHold() {
        JsonNode schema = document.schema("Scheduler");
        for (String holder : List.of("NewJob", "JobStarted")) {
            assertThat(send(holder, leastWithScheduler(holder, "silent-" + holder)).status()).isIn(200, 201);
            List<String> refused = new ArrayList<>();
            for (var field : schema.required("properties").properties()) {
                ObjectNode message = leastWithScheduler(holder, "word-" + field.getKey() + "-" + holder);
                ((ObjectNode) message.required("scheduler")).set(field.getKey(),
                        aValue(deeplyResolved(field.getValue()), "mock"));
                Exchange exchange = send(holder, message);
                String word = "scheduler." + field.getKey();
                if (holder.equals("JobStarted") && exchange.message().contains("left out: " + word + " is told by")) {
                    refused.add(field.getKey());
                } else if (exchange.status() == 400) {
                    assertThat(exchange.message()).contains("only shown here");
                    assertThat(exchange.field()).isEqualTo(word);
                    refused.add(field.getKey());
                } else {
                    assertThat(exchange.status()).as(field.getKey()).isIn(200, 201);
                }
            }
            assertThat(refused).as(holder).containsExactlyInAnyOrderElementsOf(ONLY_IN_ANSWERS);
        }
        List<String> named = Pattern.compile("`([a-z_]+)`").matcher(schema.required("description").asString()).results()
                .map(word -> word.group(1)).toList();
        assertThat(named).as("the document's own list").containsExactlyInAnyOrderElementsOf(ONLY_IN_ANSWERS);
    }

    private static ObjectNode leastWithScheduler(String holder, String jobId) {
        ObjectNode message = least(holder, jobId);
        message.putObject("scheduler");
        return message;
    }

    /** A value that the schema allows; of words, the one that is wanted. */
    private static JsonNode aValue(JsonNode schema, String word) {
        JsonNodeFactory json = JsonNodeFactory.instance;
        if (schema.has("enum")) {
            return json.stringNode(word);
        }
        if (schema.path("format").asString("").equals("date-time")) {
            return json.stringNode("2026-11-22T21:34:10Z");
        }
        return switch (schema.required("type").asString()) {
            case "object" -> json.objectNode();
            case "boolean" -> json.booleanNode(true);
            case "integer", "number" -> json.numberNode(schema.required("minimum").asLong());
            default -> json.stringNode(schema.path("pattern").asString("").startsWith("^s") ? "s5K1KKYAYG5D00" : "17");
        };
    }

    @Test
    void theDocumentKnowsAllWordsOfEachEnum() {
        Map.of("JobState", JobState.values(), "Reason", Reason.values(), "GpuVendor", GpuVendor.values(), "GpuHold",
                GpuHold.values(), "OomCause", OomCause.values(), "Cause", Cause.values(), "FindingRule",
                FindingRule.values(), "Severity", Severity.values())
                .forEach((name, values) -> assertThat(texts(document.schema(name).required("enum"))).as(name)
                        .isEqualTo(Arrays.stream(values).map(Object::toString).toList()));
        assertThat(texts(document.schema("EventResponse").required("properties").required("status").required("enum")))
                .isEqualTo(Arrays.stream(EventResponse.Status.values()).map(Object::toString).toList());
        assertThat(texts(document.schema("Fact").required("properties").required("source").required("enum")))
                .isEqualTo(Arrays.stream(Verdict.Source.values()).map(Object::toString).toList());
        assertThat(texts(document.schema("Fact").required("properties").required("strength").required("enum")))
                .isEqualTo(Arrays.stream(Verdict.Strength.values()).map(Object::toString).toList());
        assertThat(texts(document.schema("Quantity").required("properties").required("unit").required("enum")))
                .isEqualTo(Arrays.stream(Verdict.Unit.values()).map(Object::toString).toList());
    }

    @Test
    void everyBoundOfTheDocumentIsTheServers() {
        int number = 0;
        for (String name : List.of("JobStarted", "JobFinished", "Reading", "NewJob", "JobPatch", "NewSample",
                "Scheduler", "Batch", "NodeFigures", "JobReading", "GpuReading", "GpuDevice", "OomKill")) {
            int before = number;
            for (var field : document.schema(name).required("properties").properties()) {
                if (name.equals("Scheduler") && ONLY_IN_ANSWERS.contains(field.getKey())) {
                    continue;
                }
                if (name.equals("GpuReading") && field.getKey().equals("job_id")) {
                    continue; // must be one of the batch's jobs: BatchesTest
                }
                for (Bound bound : bounds(deeplyResolved(field.getValue()))) {
                    String holder = HOLDERS.getOrDefault(name, name);
                    ObjectNode message = least(holder, "bound-" + number++);
                    String prefix = switch (name) {
                        case "NodeFigures" -> "node_figures.";
                        case "JobReading" -> "jobs[0].";
                        case "GpuReading" -> "gpus[0].";
                        case "GpuDevice" -> "gpus[0].device.";
                        case "OomKill" -> "jobs[0].oom_kill_events[0].";
                        default -> holder.equals(name) ? "" : name.toLowerCase(Locale.ROOT) + ".";
                    };
                    ObjectNode fields = switch (name) {
                        case "JobReading" -> message.putArray("jobs").addObject().put("job_id", "17");
                        case "GpuReading" -> message.putArray("gpus").addObject().put("gpu", "0");
                        case "GpuDevice" -> message.putArray("gpus").addObject().put("gpu", "0").putObject("device");
                        case "OomKill" -> message.putArray("jobs").addObject().put("job_id", "17")
                                .putArray("oom_kill_events").addObject().put("timestamp", "2026-11-22T21:34:15Z")
                                .put("killed", 1).put("cause", "limit");
                        default -> prefix.isEmpty()
                                ? message
                                : message.putObject(prefix.substring(0, prefix.length() - 1));
                    };
                    fields.set(field.getKey(), bound.value);
                    Exchange exchange = send(holder, message);
                    String what = name + "." + field.getKey() + " " + bound.what;
                    if (bound.isIn) {
                        boolean backwards = name.equals("JobPatch") && bound.value.asString("").equals("pending");
                        assertThat(exchange.status()).as(what).isIn(backwards ? List.of(409) : List.of(200, 201));
                    } else if (exchange.status() == 200 && LEAVE_OUT.contains(holder)) {
                        boolean isUnknown = bound.value.toString().matches("\\[?\"\\s*\"]?");
                        assertThat(exchange.message()).as(what)
                                .contains(isUnknown ? "" : "left out: " + prefix + field.getKey());
                    } else {
                        assertThat(exchange.status()).as(what).isEqualTo(400);
                        assertThat(exchange.field().replaceFirst("\\[[0-9]+]$", "")).as(what)
                                .isEqualTo(prefix + field.getKey());
                    }
                }
            }
            assertThat(number - before).as("bounds of " + name).isGreaterThan(5);
        }
        assertThat(number).as("bounds found in the document").isGreaterThan(120);
    }

    /** A value at the edge of what is allowed. */
    private record Bound(String what, JsonNode value, boolean isIn) {
    }

    private List<Bound> bounds(JsonNode schema) {
        JsonNodeFactory json = JsonNodeFactory.instance;
        boolean isWhole = schema.path("type").asString("").equals("integer");
        List<Bound> bounds = new ArrayList<>();
        schema.properties().forEach(rule -> {
            String what = rule.toString();
            switch (rule.getKey()) {
                case "minimum" -> {
                    long least = rule.getValue().asLong();
                    bounds.add(new Bound(what, json.numberNode(least), true));
                    bounds.add(new Bound(what, isWhole
                            ? json.numberNode(least - 1)
                            : json.numberNode(Math.nextDown((double) least)), false));
                }
                case "maximum" -> {
                    long most = rule.getValue().asLong();
                    bounds.add(new Bound(what, json.numberNode(most), true));
                    bounds.add(new Bound(what, isWhole
                            ? json.numberNode(most + 1)
                            : json.numberNode(Math.nextUp((double) most)), false));
                }
                case "minLength" -> bounds.add(new Bound(what, json.stringNode(""), false));
                case "maxLength" -> {
                    // A word this long may be wrong in another way, too; only where it is not, the longest must be taken.
                    String longest = "1".repeat(rule.getValue().asInt());
                    if (rule.getValue().asInt() <= 4096) {
                        bounds.add(new Bound(what, json.stringNode(longest), true));
                    }
                    bounds.add(new Bound(what, json.stringNode(longest + "1"), false));
                }
                case "minItems" -> bounds.add(new Bound(what, json.arrayNode(), false));
                case "maxItems" -> {
                    var tooMany = json.arrayNode();
                    for (int i = 0; i <= rule.getValue().asInt(); i++) {
                        tooMany.add("n" + i);
                    }
                    bounds.add(new Bound(what, tooMany, false));
                }
                case "items" -> bounds(deeplyResolved(rule.getValue())).forEach(bound -> bounds
                        .add(new Bound("items " + bound.what, json.arrayNode().add(bound.value), bound.isIn)));
                case "enum" -> {
                    rule.getValue().forEach(word -> bounds.add(new Bound(what, word, true)));
                    bounds.add(new Bound(what, json.stringNode("something_else"), false));
                }
                case "pattern" -> bounds.add(new Bound(what, json.stringNode("-"), false));
                case "format" -> {
                    if (rule.getValue().asString().equals("date-time")) {
                        bounds.add(new Bound(what, json.stringNode("1969-12-31T23:59:59Z"), false));
                        bounds.add(new Bound(what, json.stringNode("2200-01-01T00:00:01Z"), false));
                        bounds.add(new Bound(what, json.stringNode("2026-11-22T21:34:10"), false));
                    }
                }
                default -> {
                }
            }
        });
        return bounds;
    }

    private JsonNode deeplyResolved(JsonNode schema) {
        JsonNode target = document.resolved(schema);
        return target == schema ? schema : deeplyResolved(target);
    }

    /** What must be said at least; of a change, nothing. */
    private static ObjectNode least(String schema, String jobId) {
        ObjectNode message = JsonNodeFactory.instance.objectNode();
        switch (schema) {
            case "JobStarted" -> message.put("job_id", jobId).put("user", "alice").putArray("node_list").add("n001");
            case "JobFinished" -> message.put("job_id", jobId);
            case "NewJob" -> message.put("id", jobId).put("user", "alice").putArray("nodes").add("n001");
            case "NewSample" -> message.put("cpu_usage", 50).put("memory_usage_mb", 1024);
            case "Batch" -> message.put("version", 1).put("node", "n001").put("boot_id", jobId).put("sequence", 1)
                    .put("timestamp", "2026-11-22T21:34:15Z");
            default -> assertThat(schema).isEqualTo("JobPatch");
        }
        return message;
    }

    /** Sends a message to where it belongs; what is said of a job is said of one that runs and has no samples yet. */
    private static Exchange send(String schema, JsonNode message) {
        TestServer.Client operator = server.as(Role.OPERATOR);
        String runs = "runs-" + UUID.randomUUID();
        if (List.of("JobPatch", "NewSample").contains(schema)) {
            assertThat(operator.post("/v1/jobs", least("NewJob", runs).toString()).status()).isEqualTo(201);
        }
        return switch (schema) {
            case "JobStarted" -> server.as(Role.AGENT).post("/v1/events/job-started", message.toString());
            case "JobFinished" -> server.as(Role.AGENT).post("/v1/events/job-finished", message.toString());
            case "Batch" -> server.as(Role.AGENT).post("/v1/batches", message.toString());
            case "NewJob" -> operator.post("/v1/jobs", message.toString());
            case "NewSample" -> operator.post("/v1/jobs/" + runs + "/metrics", message.toString());
            default -> operator.send("PATCH", "/v1/jobs/" + runs, message.toString(), "Content-Type",
                    "application/json");
        };
    }

    @Test
    void everythingInTheDocumentIsDescribed() {
        walk("", document.root(), (at, node) -> {
            node.path("properties").properties().forEach(property -> {
                boolean isAFieldCalledProperties = at.endsWith("/properties");
                assertThat(isAFieldCalledProperties || hasText(property.getValue(), "description"))
                        .as(at + ": " + property.getKey() + " has a description").isTrue();
            });
            node.path("parameters").forEach(parameter -> assertThat(
                    hasText(document.resolved(parameter), "description")).as(at + ": " + parameter).isTrue());
            node.path("responses").properties().forEach(answer -> assertThat(
                    hasText(document.resolved(answer.getValue()), "description")).as(at + ": " + answer).isTrue());
        });
        document.operations().forEach(name -> {
            JsonNode operation = document.operation(name);
            assertThat(hasText(operation, "summary") && hasText(operation, "description")
                    && hasText(operation, "operationId") && !operation.path("tags").isEmpty()).as(name).isTrue();
        });
    }

    private static boolean hasText(JsonNode node, String field) {
        return !node.path(field).asString("").isBlank();
    }

    @Test
    void everyExampleIsValid() {
        List<String> seen = new ArrayList<>();
        walk("", document.root(), (at, node) -> {
            JsonNode schema = node.path("schema");
            if (!schema.isMissingNode()) {
                if (node.has("example")) {
                    document.check(at + "/example", schema, node.required("example"));
                    seen.add(at);
                }
                node.path("examples").properties().forEach(example -> {
                    document.check(at + "/examples/" + example.getKey(), schema, example.getValue().required("value"));
                    seen.add(at);
                });
            } else if (at.startsWith("/components/schemas/") && node.path("examples").isArray()) {
                node.path("examples").forEach(example -> document.check(at, node, example));
                seen.add(at);
            }
        });
        assertThat(seen).hasSizeGreaterThan(20);
    }

    @Test
    void everyReferenceLeadsSomewhereAndEveryComponentIsUsed() {
        List<String> used = new ArrayList<>(List.of("#/components/responses/MethodNotAllowed",
                "#/components/responses/Unreadable"));
        walk("", document.root(), (_, node) -> {
            if (node.has("$ref")) {
                used.add(node.required("$ref").asString());
            }
        });
        List<String> components = new ArrayList<>();
        for (String kind : List.of("headers", "parameters", "responses", "schemas")) {
            document.root().required("components").required(kind).propertyNames()
                    .forEach(name -> components.add("#/components/" + kind + "/" + name));
        }
        assertThat(used.stream().distinct()).containsExactlyInAnyOrderElementsOf(components);
    }

    private static void walk(String at, JsonNode node, BiConsumer<String, JsonNode> visitor) {
        if (node.isObject()) {
            visitor.accept(at, node);
            node.properties().forEach(child -> walk(at + "/" + child.getKey(), child.getValue(), visitor));
        } else if (node.isArray()) {
            node.forEach(child -> walk(at + "/-", child, visitor));
        }
    }

    /** All but a fault of the server, which no test should be able to bring about. */
    @Test
    void everyAnswerInTheDocumentCanBeHad() throws IOException {
        TestServer.Client operator = server.as(Role.OPERATOR);
        TestServer.Client agent = server.as(Role.AGENT);
        agent.post("/v1/events/job-started", LEAST_START.formatted("4711"));
        agent.post("/v1/events/job-started",
                LEAST_START.formatted("4712").replace("}", ",\"account\":\"physics\"}"));
        operator.get("/jobs?state=&q=");
        operator.get("/reports?user=");
        agent.post("/v1/events/job-started", LEAST_START.formatted("4713").replace("}",
                ",\"scheduler\":{\"array_job_id\":\"4700\",\"array_task_id\":1}}"));
        operator.get("/v1/arrays/4700");
        operator.get("/arrays/4700");
        TestServer.Client elsewhere = server.ofNodes("default", "elsewhere");
        elsewhere.post("/v1/events/job-started", LEAST_START.formatted("4711").replace("n001", "elsewhere"));
        elsewhere.post("/v1/events/job-finished", "{\"job_id\":\"4711\",\"node\":\"elsewhere\",\"exit_code\":1}");
        agent.post("/v1/events/job-finished", "{\"job_id\":\"4711\",\"exit_code\":1}");
        String byHand = "{\"id\":\"by-hand\",\"user\":\"alice\",\"nodes\":[\"n001\"]}";
        String sample = "{\"cpu_usage\":50,\"memory_usage_mb\":1}";
        String batch = least("Batch", "4711").set("jobs", JsonNodeFactory.instance.arrayNode()
                .add(JsonNodeFactory.instance.objectNode().put("job_id", "4711").put("cpus_used", 1))).toString();
        agent.post("/v1/batches", batch);
        for (int attempt = 0; attempt < 2; attempt++) {
            operator.post("/v1/jobs", byHand);
        }
        for (String job : List.of("by-hand", "4711")) {
            operator.post("/v1/jobs/" + job + "/metrics", sample);
            operator.send("PATCH", "/v1/jobs/" + job, sample, "Content-Type", "application/json");
        }
        List<String> forgettingLast = document.operations().stream()
                .sorted(Comparator.comparing(operation -> operation.startsWith("DELETE "))).toList();
        for (String operation : forgettingLast) {
            String[] parts = operation.split(" ");
            String path = example(parts[1]);
            operator.send(parts[0], path, "", "X-Changed-By", "x".repeat(129));
            if (parts[0].equals("GET")) {
                String etag = operator.get(path).header("ETag").orElse("none");
                operator.send("GET", path, "", "If-None-Match", etag);
            } else if (parts[0].equals("DELETE")) {
                operator.send("DELETE", path, "");
            } else {
                String json = "{\"text\":\"" + "x".repeat(1 << 20) + "\"}";
                operator.send(parts[0], path, json, "Content-Type", "application/json");
                operator.send(parts[0], path, "{}", "Content-Type", "text/plain");
            }
            server.anonymous().send(parts[0], path, "");
            server.as(Role.SCRAPE).send(parts[0], path, "");
            agent.send(parts[0], path, "");
            String unknown = path.replaceAll("4711|n001|alice|physics", "nobody").replaceAll("(docs|page)\\.js",
                    "nothing");
            operator.send(parts[0], unknown, "");
            if (parts[0].equals("POST") || parts[0].equals("PATCH")) {
                operator.send(parts[0], unknown, sample, "Content-Type", "application/json");
            }
        }
        operator.post("/v1/sign-in-codes", "{\"user\":\"alice\"}");
        sendForms(operator);
        String session = sessionOfAlice(operator);
        operator.get("/v1/sessions/" + session);
        operator.send("DELETE", "/v1/sessions/" + session, "");
        holdAllStreams(() -> operator.get("/v1/stream"));
        try (TestServer away = TestServer.startWithoutDatabase()) {
            for (String operation : document.operations()) {
                String[] parts = operation.split(" ");
                String json = switch (parts[1]) {
                    case "/v1/sessions" -> "{\"munge_credential\":\"MUNGE:none:\"}";
                    case "/v1/jobs" -> byHand;
                    case "/v1/batches" -> batch;
                    default -> LEAST_START.formatted("4711");
                };
                away.anonymous().send(parts[0],
                        example(parts[1]),
                        List.of("GET", "DELETE").contains(parts[0]) ? "" : json, "Content-Type", "application/json",
                        "X-Changed-By", "test", "X-Source", "test");
            }
            away.get("/sign-in?code=any");
            sendForm(away, "/sign-in", "code=any");
        }
        assertThat(document.answers().stream().filter(answer -> !answer.endsWith(" 500"))
                .filter(answer -> !answer.endsWith(" 429")) // BatchesTest has it
                .filter(answer -> !answer.matches("POST /v1/sessions(/slurm)? (201|401|503)")) // MungeTest and SlurmTokensTest have them
                .filter(answer -> !answer.matches("GET /sign-in/oidc.*")) // OidcTest has them
                // AccessMatrixTest has the first; nobody is signed in without the database
                .filter(answer -> !answer.matches("POST /v1/jobs/\\{id}/links (201|503)"))
                .filter(answer -> !answer.matches("POST (/sign-out|/v1/sign-in-codes) 503|(GET|POST) /v1/notices 503"))
                .filter(answer -> !document.answersGiven().contains(answer))).as("answers that nobody gave").isEmpty();
    }

    private static void sendForms(TestServer.Client operator) {
        String path = operator.post("/v1/sign-in-codes", "{\"user\":\"alice\"}").json().required("path").asString();
        String code = path.replaceFirst(".*code=", "");
        String cookie = sendForm(server, "/sign-in", "code=" + code).header("Set-Cookie").orElseThrow().split(";")[0];
        for (String form : List.of("code=used", "code=" + "x".repeat(5000))) {
            sendForm(server, "/sign-in", form);
            sendForm(server, "/sign-out", form, "Cookie", cookie);
        }
    }

    private static Exchange sendForm(TestServer to, String path, String form, String... more) {
        return to.anonymous().send("POST", path, form, Stream.concat(Stream.of("Content-Type",
                "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"), Stream.of(more))
                .toArray(String[]::new));
    }

    private static String sessionOfAlice(TestServer.Client operator) {
        TestServer.Client alice = server.signedIn("alice", 1001L, null, Duration.ofHours(1));
        alice.post("/v1/jobs/4711/links", "{\"days\": 1}");
        alice.post("/v1/jobs/nobody/links", "{}");
        alice.get("/v1/notices");
        alice.post("/v1/notices", "{\"wanted\": false}");
        server.anonymous().post("/v1/sessions", "{\"munge_credential\":\"MUNGE:none:\"}");
        return operator.get("/v1/sessions").json().required("sessions").get(0).required("id").asString();
    }

    private static String example(String path) {
        return path.replace("{id}", "4711").replace("{name}", "n001").replace("{user}", "alice")
                .replace("{account}", "physics").replace("{file}", path.startsWith("/docs") ? "docs.js" : "page.js")
                .replace("{session}", "0").replaceFirst("^/search$", "/search?q=4711");
    }

    /** As many as there may be, and what is to be done meanwhile. */
    private static void holdAllStreams(Runnable meanwhile) throws IOException {
        List<RawConnection> streams = new ArrayList<>();
        try {
            for (int status = 200; status == 200;) {
                RawConnection connection = server.connect();
                streams.add(connection);
                connection.send("GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                        + server.as(Role.OPERATOR).token().orElseThrow() + "\r\n\r\n");
                status = server.checked(connection.receive("GET", "/v1/stream", "")).status();
            }
            meanwhile.run();
        } finally {
            for (RawConnection stream : streams) {
                stream.close();
            }
        }
    }

    @Test
    void anAnswerThatTheDocumentDoesNotPromiseIsCaught() {
        Map<String, List<String>> headers = new LinkedHashMap<>(
                Map.of("Content-Type", List.of("application/json"), "X-Correlation-Id", List.of("a")));
        document.check(live(200, headers, "{\"status\":\"alive\"}"));
        assertCaught(live(200, headers, "{\"status\":\"alive\",\"more\":1}"), "more");
        assertCaught(live(200, headers, "{\"status\":\"dead\"}"), "alive");
        assertCaught(live(200, headers, "{}"), "status");
        assertCaught(live(202, headers, "{\"status\":\"alive\"}"), "no such answer");
        assertCaught(live(404, headers, "{\"error\":\"not_found\",\"message\":\"x\"}"), "no such answer");
        assertCaught(live(400, headers, "{\"error\":\"invalid_request\",\"message\":\"java.lang.Integer\"}"), "inside");
        assertCaught(live(200, Map.of("X-Correlation-Id", List.of("a"), "Content-Type", List.of("text/plain")), "x"),
                "content types");
        assertCaught(live(200, Map.of("Content-Type", List.of("application/json")), "{\"status\":\"alive\"}"),
                "X-Correlation-Id");
    }

    private static Exchange live(int status, Map<String, List<String>> headers, String body) {
        return new Exchange("GET", "/v1/live", "", status, headers, body.getBytes(StandardCharsets.UTF_8));
    }

    private void assertCaught(Exchange exchange, String because) {
        assertThatThrownBy(() -> document.check(exchange)).isInstanceOf(AssertionError.class)
                .hasMessageContaining(because);
    }

    private static String jsonName(RecordComponent component) {
        return component.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    private static List<String> texts(JsonNode array) {
        return array.valueStream().map(JsonNode::asString).toList();
    }
}
