package org.jobwitness.agent.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jobwitness.agent.log.Log;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrologEventStoreTest {
    private static final String EVENT = "{\"event_id\":\"n1-5-started-1-1\",\"job_id\":\"5\",\"gpu_devices\":[\"0\"]}";

    @TempDir
    Path folder;
    private Path job;
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();

    @BeforeEach
    void node() throws IOException {
        job = Files.createDirectories(folder.resolve("scope/job_5"));
        Files.createDirectories(folder.resolve("proc/sys/kernel/random"));
        Files.createDirectories(folder.resolve("own"));
        boot("2b1f");
    }

    private void boot(String id) throws IOException {
        Files.writeString(folder.resolve("proc/sys/kernel/random/boot_id"), id + "\n");
    }

    /** An agent that has just been started. */
    private PrologEventStore store() {
        return new PrologEventStore(folder.resolve("own"), folder.resolve("proc"),
                new Log(new PrintStream(log, true, StandardCharsets.UTF_8)));
    }

    @Test
    void theNextAgentKnowsTheJobsThatAreStillThere() throws IOException {
        Path other = Files.createDirectories(folder.resolve("scope/job_6"));
        store().save(Map.of(job, EVENT, other, EVENT.replace("5", "6")));
        assertThat(store().load()).containsExactlyInAnyOrder(EVENT, EVENT.replace("5", "6"));
        Files.delete(other);
        assertThat(store().load()).containsExactly(EVENT);
    }

    @Test
    void aCgroupThatWasMadeAnewMayBeAnotherRuns() throws IOException {
        store().save(Map.of(job, EVENT));
        Files.move(job, folder.resolve("scope/old")); // so that its inode cannot be given again at once
        Files.createDirectory(job);
        assertThat(store().load()).isEmpty();
    }

    @Test
    void anotherBootHasOtherCgroups() throws IOException {
        store().save(Map.of(job, EVENT));
        boot("77aa");
        assertThat(store().load()).isEmpty();
    }

    @Test
    void whatIsNoLineOfOursIsNotBelieved() throws IOException {
        Path file = folder.resolve("own/prolog-events");
        Files.writeString(file, "2b1f\n\nx\t\n1\t" + job + "\t" + EVENT + "\nno tabs\n");
        assertThat(store().load()).isEmpty();
        Files.write(file, new byte[]{'2', 'b', '1', 'f', '\n', (byte) 0xff, 0});
        assertThat(store().load()).isEmpty();
        Files.delete(file);
        Files.createSymbolicLink(file, job);
        assertThat(store().load()).isEmpty();
    }

    @Test
    void aFolderThatCannotBeWrittenIsSaidOnce() throws IOException {
        Files.createDirectory(folder.resolve("own/prolog-events.new"));
        PrologEventStore store = store();
        store.save(Map.of(job, EVENT));
        store.save(Map.of(job, EVENT));
        assertThat(log.toString(StandardCharsets.UTF_8).lines()).singleElement().asString()
                .contains("prolog_event_store_failed");
    }
}
