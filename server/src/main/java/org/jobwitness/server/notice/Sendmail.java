package org.jobwitness.server.notice;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Mail by {@code sendmail -i -f FROM TO}, as every mail server for Unix has it. The address was made of a checked name, and is an
 * argument; the message has no header that comes from a user.
 */
final class Sendmail implements Sender {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    /** EX_TEMPFAIL and its neighbours, by sysexits.h: no such user, no such host, refused. */
    private static final List<Integer> NEVER = List.of(64, 65, 67, 68, 77);
    private static final int MAX_SAID = 300;
    private final Path sendmail;
    private final MailText text;
    private final Duration timeout;

    Sendmail(Path sendmail, MailText text) {
        this(sendmail, text, TIMEOUT);
    }

    Sendmail(Path sendmail, MailText text, Duration timeout) {
        this.sendmail = sendmail;
        this.text = text;
        this.timeout = timeout;
    }

    @Override
    public void send(Message message) throws NotSent, InterruptedException {
        String to = Objects.requireNonNull(message.address());
        Process process;
        try {
            process = new ProcessBuilder(sendmail.toString(), "-i", "-f", text.from(), to)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        } catch (IOException e) {
            throw new NotSent(sendmail + " cannot be run: " + e.getMessage(), true);
        }
        try {
            CompletableFuture<String> said = new CompletableFuture<>();
            Thread.startVirtualThread(() -> said.complete(head(process.getErrorStream())));
            boolean isWritten = write(process, text.of(message, to));
            if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IllegalStateException(sendmail + " did not end within " + timeout.toSeconds()
                        + " s: whether it took the message is not known");
            }
            int status = process.exitValue();
            if (status != 0 || !isWritten) {
                throw new NotSent(sendmail + " ended with exit code " + status + ": "
                        + said.completeOnTimeout("", 1, TimeUnit.SECONDS).join(), !NEVER.contains(status));
            }
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    /** A command that reads nothing, and does not end, is stopped by the timeout: its pipe has room for every message. */
    private static boolean write(Process process, String text) {
        try (OutputStream in = process.getOutputStream()) {
            in.write(text.getBytes(StandardCharsets.UTF_8));
            return true;
        } catch (IOException e) {
            return false; // its exit status says why
        }
    }

    private static String head(InputStream in) {
        try (in) {
            String text = new String(in.readNBytes(MAX_SAID), StandardCharsets.UTF_8).replaceAll("[\\p{C}\\s]+", " ");
            in.transferTo(OutputStream.nullOutputStream());
            return text.strip();
        } catch (IOException e) {
            return "";
        }
    }
}
