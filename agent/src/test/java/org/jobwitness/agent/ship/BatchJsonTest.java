package org.jobwitness.agent.ship;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.cfg.EnumFeature;
import tools.jackson.databind.json.JsonMapper;

/** What is written is what the server reads. */
class BatchJsonTest {
    private static final JsonMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(EnumFeature.READ_ENUMS_USING_TO_STRING)
            .build();

    /** A GPU is held by one job, or told to be held otherwise. */
    private static final List<String> NOT_BESIDE_JOB_ID = List.of("sharedBy", "claimedBy");

    @Test
    void everyComponentOfEveryRecordIsWritten() {
        Batch batch = (Batch) filled(Batch.class, Batch.class, "batch");
        assertComplete(JSON.readTree(BatchJson.of(batch)), Batch.class);
        assertThat(JSON.readValue(BatchJson.of(batch), Batch.class)).isEqualTo(batch);
    }

    @Test
    void theMachinesLanguageChangesNothing() {
        Batch batch = (Batch) filled(Batch.class, Batch.class, "batch");
        String inEnglish = BatchJson.of(batch);
        Locale before = Locale.getDefault();
        try {
            for (String language : List.of("fa-IR-u-nu-arabext", "ar-EG-u-nu-arab", "tr-TR")) {
                Locale.setDefault(Locale.forLanguageTag(language));
                assertThat(BatchJson.of(batch)).as(language).isEqualTo(inEnglish);
            }
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void jobsThatShareAGpuOrMayHoldItAreWritten() {
        Batch batch = new Batch(1, null, "n1", "boot", 7L, Instant.parse("2026-11-23T08:00:00Z"), null, null, null,
                List.of(job("57", null), job("58", null)),
                List.of(gpu(List.of("57", "58"), List.of()), gpu(List.of(), List.of("57"))));
        JsonNode gpus = JSON.readTree(BatchJson.of(batch)).get("gpus");
        assertThat(gpus.get(0).toString()).isEqualTo("{\"gpu\":\"GPU-1\",\"shared_by\":[\"57\",\"58\"]}");
        assertThat(gpus.get(1).toString()).isEqualTo("{\"gpu\":\"GPU-1\",\"claimed_by\":[\"57\"]}");
        assertThat(JSON.readValue(BatchJson.of(batch), Batch.class)).isEqualTo(batch);
    }

    private static GpuReading gpu(List<String> sharedBy, List<String> claimedBy) {
        return GpuReading.builder("GPU-1").sharedBy(sharedBy).claimedBy(claimedBy).build();
    }

    private static void assertComplete(JsonNode json, Class<?> type) {
        assertThat(json.propertyNames()).as(type.getSimpleName())
                .containsExactlyElementsOf(Arrays.stream(type.getRecordComponents()).map(RecordComponent::getName)
                        .filter(name -> !NOT_BESIDE_JOB_ID.contains(name)).map(BatchJsonTest::snakeCase).toList());
        for (RecordComponent component : type.getRecordComponents()) {
            JsonNode value = json.get(snakeCase(component.getName()));
            if (component.getType().isRecord()) {
                assertComplete(value, component.getType());
            } else if (value != null && component.getType() == List.class) {
                assertThat(value).hasSize(1);
                Class<?> element = (Class<?>) argument(component.getGenericType());
                if (element.isRecord()) {
                    assertComplete(value.get(0), element);
                }
            }
        }
    }

    private static String snakeCase(String name) {
        return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    private static Type argument(Type list) {
        return ((ParameterizedType) list).getActualTypeArguments()[0];
    }

    /** A value that its record's checks let pass, and that is not what would be there without it. */
    private static Object filled(Class<?> type, Type generic, String name) {
        if (type.isRecord()) {
            RecordComponent[] components = type.getRecordComponents();
            Object[] values = Arrays.stream(components)
                    .map(part -> filled(part.getType(), part.getGenericType(), part.getName())).toArray();
            try {
                return type.getDeclaredConstructor(
                        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new))
                        .newInstance(values);
            } catch (ReflectiveOperationException e) {
                throw new AssertionError(e);
            }
        }
        if (type.isEnum()) {
            return type.getEnumConstants()[1];
        }
        return switch (type.getSimpleName()) {
            case "List" -> NOT_BESIDE_JOB_ID.contains(name)
                    ? List.of()
                    : List.of(filled((Class<?>) argument(generic), argument(generic), name));
            case "Map" -> Map.of("io_read_bytes", "no io controller");
            case "String" -> switch (name) {
                case "jobId" -> "57";
                case "sluid" -> "s5K1KKYAYG5D00";
                default -> name + "-1";
            };
            case "Instant" -> Instant.parse("2026-11-23T08:00:00.123456Z");
            case "Integer" -> 1;
            case "Long" -> name.equals("uid") ? 4_000_000_000L : 1L << 40;
            case "Double" -> 12.0625;
            case "Boolean" -> true;
            default -> throw new AssertionError("no value for " + type + " " + name);
        };
    }

    private static String quoted(String text) {
        StringBuilder json = new StringBuilder();
        BatchJson.quote(json, text);
        return json.toString();
    }

    private static JobReading job(String user) {
        return job("57", user);
    }

    private static JobReading job(String id, String user) {
        return JobReading.builder(id).owner(null, user).build();
    }

    private static Batch batch(String agentVersion, JobReading... jobs) {
        return new Batch(1, null, "n1", "boot", 7L, Instant.parse("2026-11-23T08:00:00Z"), null, agentVersion, null,
                List.of(jobs), List.of());
    }

    @Test
    void whatIsUnavailableExceptionIsLeftOut() {
        assertThat(BatchJson.of(batch(null, job(null), job("anna")))).isEqualTo("{\"version\":1,\"node\":\"n1\","
                + "\"boot_id\":\"boot\",\"sequence\":7,\"timestamp\":\"2026-11-23T08:00:00Z\","
                + "\"jobs\":[{\"job_id\":\"57\"},{\"job_id\":\"57\",\"user\":\"anna\"}]}");
    }

    @Test
    void anyTextIsJson() {
        String text = "\" \\ / \u00e9 \u2028 \ud83d\ude00 \u007e { } [ ] \\u0041";
        assertThat(JSON.readTree(BatchJson.of(batch(text, job(text)))).at("/jobs/0/user").asString()).isEqualTo(text);
        assertThat(quoted("\u0000\n\u001f\u007f")).isEqualTo("\"\\u0000\\u000a\\u001f\u007f\"");
        assertThat(quoted("a\ud83db\ude00\ud83d")).isEqualTo("\"a\ufffdb\ufffd\ufffd\"");
    }
}
