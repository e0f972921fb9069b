package org.jobwitness.agent.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrologEventsTest {
    private static final String EVENT = """
            {"event_id":"n1-57-started-1795384829-16076","job_id":"57","cluster":"rig","sluid":"sEKNKTV3WPV500",\
            "start_time":"2026-11-22T22:00:29Z","node":"n1","user":"alice","uid":1001,"node_list":["n[1-2]"],\
            "cpus_per_node":"1(x2)","partition":"batch"}
            """;

    @TempDir
    Path spool;
    private Path events;
    private final PrologEvents prologEvents = new PrologEvents();

    @BeforeEach
    void makeEvents() throws IOException {
        events = Files.createDirectory(spool.resolve("events"));
    }

    private void read(String name, String event) throws IOException {
        prologEvents.read(Files.writeString(events.resolve(name), event));
    }

    @Test
    void aPrologSaysWhoseJobItIsAndWhichRun() throws IOException {
        read("1795384829-57-started-16076.json", EVENT);
        PrologEvent event = new PrologEvent("57", "sEKNKTV3WPV500", Instant.parse("2026-11-22T22:00:29Z"), 1001L,
                "alice", List.of(), null, EVENT.strip());
        assertThat(prologEvents.ofJob("57")).contains(event);
        assertThat(prologEvents.ofSluid("sEKNKTV3WPV500")).contains(event);
        assertThat(prologEvents.cluster()).contains("rig");
        prologEvents.remove("57");
        assertThat(prologEvents.ofJob("57")).as("the next run of this id is another").isEmpty();
    }

    @Test
    void whatIsUnavailableExceptionIsNotKnown() throws IOException {
        read("1795384829-58-started-1.json", "{\"event_id\":\"x\",\"job_id\":\"58\"}\n");
        assertThat(prologEvents.ofJob("58")).contains(new PrologEvent("58", null, null, null, null, List.of(),
                null, "{\"event_id\":\"x\",\"job_id\":\"58\"}"));
        assertThat(prologEvents.cluster()).isEmpty();
    }

    @Test
    void theLaterRunOfAnIdIsMeant() throws IOException {
        read("1795384829-57-started-16076.json", EVENT);
        read("1795384999-57-started-17000.json", EVENT.replace("22:00:29", "22:03:19"));
        assertThat(prologEvents.ofJob("57").orElseThrow().startTime()).isEqualTo("2026-11-22T22:03:19Z");
    }

    @Test
    void otherFilesAreNotRead() throws IOException {
        read("1795384829-57-finished-16076.json", EVENT);
        read(".tmp-1795384829-57-started-16076.json", EVENT);
        read("1795384829-57-started-16077.json", "x".repeat(100_000) + EVENT);
        Path link = events.resolve("1795384829-57-started-16078.json");
        Files.createSymbolicLink(link, Files.writeString(events.resolve("elsewhere"), EVENT));
        prologEvents.read(link);
        prologEvents.read(events.resolve("1795384829-57-started-16079.json")); // sent, and gone, meanwhile
        read("1795384829-57-started-16080.json", "not an event");
        assertThat(prologEvents.ofJob("57")).isEmpty();
    }

    @Test
    void whatOthersMayHaveWrittenIsNotRead() throws IOException {
        String name = "1795384829-57-started-16076.json";
        Path event = Files.writeString(events.resolve(name), EVENT);
        Files.setPosixFilePermissions(event, PosixFilePermissions.fromString("rw-rw-rw-"));
        prologEvents.read(event);
        assertThat(prologEvents.ofJob("57")).as("a file that all may write").isEmpty();
        Files.setPosixFilePermissions(event, PosixFilePermissions.fromString("rw-r--r--"));
        Files.setPosixFilePermissions(events, PosixFilePermissions.fromString("rwxrwxrwx"));
        prologEvents.read(event);
        assertThat(prologEvents.ofJob("57")).as("a folder that all may write").isEmpty();
        Files.setPosixFilePermissions(events, PosixFilePermissions.fromString("rwxr-xr-x"));
        prologEvents.read(event);
        assertThat(prologEvents.ofJob("57")).isPresent();
    }

    @Test
    void noMoreAreKeptThanANodeCanHave() throws IOException {
        for (int job = 1; job <= 2100; job++) {
            read("1795384829-" + job + "-started-1.json", "{\"job_id\":\"" + job + "\"}");
        }
        assertThat(prologEvents.ofJob("100")).isEmpty();
        assertThat(prologEvents.ofJob("101")).isPresent();
        assertThat(prologEvents.ofJob("2100")).isPresent();
    }
}
