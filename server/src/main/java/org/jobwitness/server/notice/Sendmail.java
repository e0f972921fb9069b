package org.jobwitness.server.notice;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
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
    private final NoticeSettings.Mail mail;
    private final Duration timeout;
    private final Clock clock;

    Sendmail(NoticeSettings.Mail mail, Clock clock) {
        this(mail, TIMEOUT, clock);
    }

    Sendmail(NoticeSettings.Mail mail, Duration timeout, Clock clock) {
        this.mail = mail;
        this.timeout = timeout;
        this.clock = clock;
    }

    @Override
    public void send(Message message) throws NotSent, InterruptedException {
        String to = Objects.requireNonNull(message.address());
        Process process;
        try {
            process = new ProcessBuilder(mail.sendmail().toString(), "-i", "-f", mail.from(), to)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        } catch (IOException e) {
            throw new NotSent(mail.sendmail() + " cannot be run: " + e.getMessage(), true);
        }
        try {
            CompletableFuture<String> said = new CompletableFuture<>();
            Thread.startVirtualThread(() -> said.complete(head(process.getErrorStream())));
            boolean isWritten = write(process, text(message, to));
            if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IllegalStateException(mail.sendmail() + " did not end within " + timeout.toSeconds()
                        + " s: whether it took the message is not known");
            }
            int status = process.exitValue();
            if (status != 0 || !isWritten) {
                throw new NotSent(mail.sendmail() + " ended with exit code " + status + ": "
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

    /** By RFC 5322 and 2045; the id is the outbox's, so that a mail that comes twice is known as such. */
    private String text(Message message, String to) {
        String host = mail.from().substring(mail.from().indexOf('@') + 1);
        String body = Base64.getMimeEncoder(76, new byte[]{'\n'})
                .encodeToString(message.body().getBytes(StandardCharsets.UTF_8));
        return "From: jobwitness <" + mail.from() + ">\nTo: <" + to + ">\nSubject: " + message.subject() + "\nDate: "
                + DateTimeFormatter.RFC_1123_DATE_TIME.format(clock.instant().atOffset(ZoneOffset.UTC))
                + "\nMessage-ID: <notice-" + message.id() + "." + clock.instant().toEpochMilli() + "@" + host
                + ">\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                + "Content-Transfer-Encoding: base64\n\n" + body + "\n";
    }
}
