package org.jobwitness.server.notice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.icegreen.greenmail.util.GreenMail;
import com.icegreen.greenmail.util.ServerSetup;
import jakarta.mail.internet.MimeMessage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jobwitness.wire.TrustedCas;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Mail to a real mail server, with and without TLS, and to ones that answer oddly. */
class SmtpSenderTest {
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final Duration SHORT = Duration.ofMillis(200);
    /** This machine, written so that it does not look like it. */
    private static final String BEYOND = "127.1";
    private static final MailText TEXT = new MailText("jobs@example.org",
            Clock.fixed(Instant.parse("2026-11-23T10:00:00Z"), ZoneOffset.UTC));
    private static final String STORE_PASSWORD = "changeit";
    private static final String PASSWORD = "s\u00e9 cr\u20act";
    @TempDir
    private static Path folder;
    private static GreenMail mails;
    private static final String TLS_NOW = "220 go ahead with TLS";
    private static KeyStore keys;
    private static TrustedCas ca;

    @BeforeAll
    static void start() throws Exception {
        keys = key("mail");
        ca = certificate(keys);
        System.setProperty("greenmail.tls.keystore.file", folder.resolve("mail.p12").toString());
        System.setProperty("greenmail.tls.keystore.password", STORE_PASSWORD);
        mails = new GreenMail(new ServerSetup[]{new ServerSetup(0, "127.0.0.1", ServerSetup.PROTOCOL_SMTP),
                new ServerSetup(0, "127.0.0.1", ServerSetup.PROTOCOL_SMTPS)});
        mails.setUser("jobs@example.org", "jobs", PASSWORD);
        mails.start();
        Files.writeString(folder.resolve("password"), PASSWORD + "\n");
        Files.writeString(folder.resolve("wrong"), "other\n");
    }

    private static KeyStore key(String name) throws Exception {
        Path file = folder.resolve(name + ".p12");
        Process keytool = new ProcessBuilder(System.getProperty("java.home") + "/bin/keytool", "-genkeypair", "-alias",
                "mail", "-keyalg", "EC", "-dname", "CN=mail", "-ext", "SAN=ip:127.0.0.1", "-storetype", "PKCS12",
                "-keystore", file.toString(), "-storepass", STORE_PASSWORD).inheritIO().start();
        assertThat(keytool.waitFor(60, TimeUnit.SECONDS) && keytool.exitValue() == 0).isTrue();
        return KeyStore.getInstance(file.toFile(), STORE_PASSWORD.toCharArray());
    }

    private static TrustedCas certificate(KeyStore store) throws Exception {
        return new TrustedCas(List.of(store.getCertificate("mail")));
    }

    @AfterAll
    static void stop() {
        mails.stop();
        System.clearProperty("greenmail.tls.keystore.file");
        System.clearProperty("greenmail.tls.keystore.password");
    }

    @BeforeEach
    void forget() throws Exception {
        mails.purgeEmailFromAllMailboxes();
    }

    private static Message message() {
        return new Message(17, Channel.MAIL, "ada", "ada@users.example.org", "Job 7: idle GPUs",
                ".A line with a dot, and µ.\n.\nThe end.\n", 1);
    }

    private static NoticeSettings.Smtp smtp(String host, int port, boolean isTls, String password) {
        return new NoticeSettings.Smtp(host, port, isTls, password.isEmpty()
                ? Optional.empty()
                : Optional.of(new NoticeSettings.Login("jobs", folder.resolve(password))), Optional.of(ca));
    }

    private static void send(NoticeSettings.Smtp smtp) throws Exception {
        send(smtp, message());
    }

    private static void send(NoticeSettings.Smtp smtp, Message message) throws Exception {
        new SmtpSender(smtp, TEXT, LONG, LONG).send(message);
    }

    private static void arrived() throws Exception {
        assertThat(mails.waitForIncomingEmail(30_000, 1)).isTrue();
        MimeMessage mail = mails.getReceivedMessages()[0];
        assertThat(mail.getSubject()).isEqualTo("Job 7: idle GPUs");
        assertThat(mail.getAllRecipients()).extracting(Object::toString).containsExactly("ada@users.example.org");
        assertThat(((String) mail.getContent()).replace("\r", "")).isEqualTo(message().body());
        assertThat(mail.getHeader("Auto-Submitted")).containsExactly("auto-generated");
    }

    @Test
    void onThisMachineItGoesWithoutTls() throws Exception {
        send(smtp("127.0.0.1", mails.getSmtp().getPort(), false, ""));
        arrived();
    }

    @Test
    void byTlsWithAPassword() throws Exception {
        send(smtp("127.0.0.1", mails.getSmtps().getPort(), true, "password"));
        arrived();
    }

    @Test
    void aWrongPasswordSendsNothing() throws Exception {
        assertThatThrownBy(() -> send(smtp("127.0.0.1", mails.getSmtps().getPort(), true, "wrong")))
                .isInstanceOf(Sender.NotSent.class).hasMessageContaining(" answers: 535");
        assertThat(mails.getReceivedMessages()).isEmpty();
    }

    @Test
    void aPasswordThatCannotBeReadSendsNothing() {
        assertThatThrownBy(() -> send(smtp("127.0.0.1", mails.getSmtps().getPort(), true, "none")))
                .isInstanceOf(Sender.NotSent.class).hasMessageContaining("NOTICE_SMTP_PASSWORD_FILE cannot be read");
        assertThat(mails.getReceivedMessages()).isEmpty();
    }

    @Test
    void aCertificateForAnotherNameIsNotTrusted() {
        assertThatThrownBy(() -> send(smtp("localhost", mails.getSmtps().getPort(), true, "password")))
                .isInstanceOf(Sender.NotSent.class).hasMessageContaining("certificate is not accepted: No ");
        assertThat(mails.getReceivedMessages()).isEmpty();
    }

    @Test
    void aCertificateOfAnotherCaIsNotTrusted() throws Exception {
        TrustedCas other = certificate(key("other"));
        for (Optional<TrustedCas> trusted : List.of(Optional.of(other), Optional.<TrustedCas>empty())) {
            assertThatThrownBy(() -> send(new NoticeSettings.Smtp("127.0.0.1", mails.getSmtps().getPort(), true,
                    Optional.empty(), trusted))).isInstanceOf(Sender.NotSent.class)
                    .hasMessageEndingWith("not signed by a CA that is trusted here; NOTICE_SMTP_CA_FILE names them");
        }
        assertThat(mails.getReceivedMessages()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"a@b.org\nBcc: x@b.org", "a@b.org>\r\nDATA", "a@b.org> NOTIFY=NEVER", "-a@b.org", ""})
    void anAddressThatIsMoreThanOneIsNotUsed(String address) {
        Message hostile = new Message(18, Channel.MAIL, "ada", address, "Job 7: idle GPUs", "text", 1);
        assertThatThrownBy(() -> send(smtp("127.0.0.1", mails.getSmtp().getPort(), false, ""), hostile))
                .isInstanceOfSatisfying(Sender.NotSent.class, e -> assertThat(e.passes()).isFalse());
        assertThat(mails.getReceivedMessages()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"mail.example.org", "127.example.org", "localhost.example.org", BEYOND, "10.0.0.127"})
    void beyondThisMachineNothingGoesWithoutTls(String host) {
        assertThat(smtp(host, 25, false, "").needsStartTls()).isTrue();
        assertThat(smtp(host, 465, true, "").needsStartTls()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "127.0.0.1", "127.1.2.3"})
    void onThisMachineTlsIsNotNeeded(String host) {
        assertThat(smtp(host, 25, false, "").needsStartTls()).isFalse();
    }

    @Test
    void aServerThatIsNotThereMayBeThereLater() {
        assertThatThrownBy(() -> send(smtp("127.0.0.1", 1, false, ""))).isInstanceOfSatisfying(Sender.NotSent.class,
                e -> assertThat(e.passes()).isTrue());
    }

    /** Sends to a server that answers each line with the next reply, then ends; what it was told. */
    private static List<String> answering(String host, String password, String... replies) throws Exception {
        List<String> told = Collections.synchronizedList(new ArrayList<>());
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            Thread answering = Thread.startVirtualThread(() -> {
                try (Socket socket = server.accept()) {
                    converse(socket, List.of(replies), told);
                } catch (IOException e) {
                    told.add(e.toString());
                }
            });
            try {
                send(smtp(host, server.getLocalPort(), false, password));
            } catch (Sender.NotSent | IllegalStateException e) {
                told.add(e.getMessage());
                told.add(e instanceof Sender.NotSent cause ? "passes: " + cause.passes() : "unsure");
            } finally {
                assertThat(answering.join(Duration.ofSeconds(30))).isTrue();
            }
        }
        return List.copyOf(told);
    }

    private static void converse(Socket accepted, List<String> replies, List<String> told) throws IOException {
        Socket socket = accepted;
        BufferedReader in = reader(socket);
        for (String reply : replies) {
            socket.getOutputStream().write((reply + "\r\n").getBytes(StandardCharsets.US_ASCII));
            if (reply.equals(TLS_NOW)) {
                socket = tls(socket);
                in = reader(socket);
            }
            String line = in.readLine();
            if (line != null) {
                told.add(line);
            }
            while (reply.startsWith("354") && line != null && !line.equals(".")) {
                line = in.readLine();
            }
        }
    }

    private static BufferedReader reader(Socket socket) throws IOException {
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    }

    private static Socket tls(Socket plain) throws IOException {
        try {
            KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            managers.init(keys, STORE_PASSWORD.toCharArray());
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(managers.getKeyManagers(), null, null);
            return context.getSocketFactory().createSocket(plain, null, true);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void passwordAndMailGoOverTheTlsThatStartTlsBegins() throws Exception {
        String login = Base64.getEncoder().encodeToString(("\0jobs\0" + PASSWORD).getBytes(StandardCharsets.UTF_8));
        assertThat(answering(BEYOND, "password", "220 hi", "250-hi\r\n250 STARTTLS", TLS_NOW, "250 AUTH PLAIN", "334 ",
                "235 ok", "250 ok", "250 ok", "354 go", "250 taken", "221 bye"))
                .containsExactly("EHLO example.org", "STARTTLS", "EHLO example.org", "AUTH PLAIN", login,
                        "MAIL FROM:<jobs@example.org>", "RCPT TO:<ada@users.example.org>", "DATA",
                        "From: jobwitness <jobs@example.org>", "QUIT");
    }

    @Test
    void aServerWithoutTlsIsToldNothing() throws Exception {
        assertThat(answering(BEYOND, "password", "220 hi", "250 hi", "502 what?")).hasSize(4)
                .containsSubsequence("EHLO example.org", "STARTTLS", "passes: false");
    }

    @Test
    void aRefusalForNowPassesAndOneForEverDoesNot() throws Exception {
        assertThat(answering("127.0.0.1", "", "220 hi", "250 hi", "250 ok", "451 later")).contains("passes: true");
        assertThat(answering("127.0.0.1", "", "554 not you")).contains("passes: false");
        assertThat(answering("127.0.0.1", "", "220 hi", "250 hi", "250 ok", "550 no such user"))
                .contains("passes: false").anyMatch(line -> line.endsWith(" answers: 550 no such user"));
        assertThat(answering("127.0.0.1", "", "220 hi", "250 hi", "250 ok", "250 ok", "354 go", "452 full"))
                .contains("passes: true");
    }

    @Test
    void withoutAnAnswerToTheTextItIsNotKnownWhetherItWasSent() throws Exception {
        assertThat(answering("127.0.0.1", "", "220 hi", "250 hi", "250 ok", "250 ok", "354 go"))
                .endsWith("unsure").anyMatch(line -> line.contains("did not say whether it took the message"));
    }

    @Test
    void aServerThatHangsIsLeft() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"))) {
            for (boolean isTls : new boolean[]{false, true}) {
                NoticeSettings.Smtp smtp = smtp("127.0.0.1", silent.getLocalPort(), isTls, "");
                assertThatThrownBy(() -> new SmtpSender(smtp, TEXT, SHORT, LONG).send(message()))
                        .isInstanceOf(Sender.NotSent.class).hasMessageEndingWith("no answer in time");
                assertThatThrownBy(() -> new SmtpSender(smtp, TEXT, Duration.ofHours(1), SHORT).send(message()))
                        .isInstanceOfSatisfying(Sender.NotSent.class, e -> assertThat(e.passes()).isTrue());
            }
        }
    }

    @Test
    void aServerThatSendsWithoutEndIsLeft() throws Exception {
        assertThat(answering("127.0.0.1", "", "220-hi\r\n".repeat(40_000)))
                .anyMatch(line -> line.endsWith("it sends without end")).contains("passes: true");
    }
}
