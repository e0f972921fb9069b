package org.jobwitness.server.notice;

import java.io.IOException;
import java.io.Writer;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.apache.commons.net.DefaultSocketFactory;
import org.apache.commons.net.smtp.AuthenticatingSMTPClient;
import org.apache.commons.net.smtp.SMTPReply;
import org.jobwitness.server.notice.NoticeSettings.Login;
import org.jobwitness.server.notice.NoticeSettings.Smtp;
import org.jobwitness.wire.TrustedCas;

/**
 * Mail by SMTP (RFC 5321), a connection for each. Until the end of the text is sent, nobody has the mail; from then on only the
 * server's answer says so.
 */
final class SmtpSender implements Sender {
    private static final Duration ANSWER = Duration.ofSeconds(20);
    private static final Duration ALL = Duration.ofSeconds(60);
    private static final int MAX_SAID = 300;

    private final Smtp smtp;
    private final MailText text;
    private final Duration answer;
    private final Duration all;

    SmtpSender(Smtp smtp, MailText text) {
        this(smtp, text, ANSWER, ALL);
    }

    /**
     * @param answer how long each answer may take
     * @param all how long the whole mail may take
     */
    SmtpSender(Smtp smtp, MailText text, Duration answer, Duration all) {
        this.smtp = smtp;
        this.text = text;
        this.answer = answer;
        this.all = all;
    }

    @Override
    public void send(Message message) throws NotSent {
        String to = Objects.requireNonNull(message.address());
        if (!NoticeSettings.isAddress(to)) {
            throw new NotSent("not an address that mail is sent to", false);
        }
        try (Socket socket = new BoundedSocket()) {
            CompletableFuture<Void> end = CompletableFuture.runAsync(() -> close(socket),
                    CompletableFuture.delayedExecutor(all.toMillis(), TimeUnit.MILLISECONDS));
            try {
                send(client(socket), message, to);
            } finally {
                end.cancel(false);
            }
        } catch (IOException e) {
            throw new NotSent(where() + " cannot be used: " + inWords(e), true);
        } catch (GeneralSecurityException e) {
            throw new NotSent("TLS cannot be used: " + e, true);
        }
    }

    private void send(AuthenticatingSMTPClient client, Message message, String to)
            throws IOException, GeneralSecurityException, NotSent {
        try {
            Writer data = begin(client, to);
            data.write(text.of(message, to));
            data.flush();
            end(client, data);
        } finally {
            disconnect(client);
        }
    }

    private AuthenticatingSMTPClient client(Socket socket) throws GeneralSecurityException {
        SSLContext tls = smtp.ca().isPresent() ? smtp.ca().get().tls() : SSLContext.getDefault();
        AuthenticatingSMTPClient client = new AuthenticatingSMTPClient(smtp.isTls(), tls);
        client.setEndpointCheckingEnabled(true);
        client.setCharset(StandardCharsets.UTF_8); // of the password
        client.setConnectTimeout((int) answer.toMillis());
        client.setDefaultTimeout((int) answer.toMillis());
        client.setSocketFactory(new DefaultSocketFactory() {
            @Override
            public Socket createSocket() {
                return socket;
            }
        });
        return client;
    }

    private Writer begin(AuthenticatingSMTPClient client, String to)
            throws IOException, GeneralSecurityException, NotSent {
        client.connect(smtp.host(), smtp.port());
        check(client, SMTPReply.isPositiveCompletion(client.getReplyCode()));
        check(client, client.elogin(text.host()));
        if (smtp.needsStartTls()) {
            check(client, client.execTLS());
            check(client, client.elogin(text.host()));
        }
        if (smtp.login().isPresent()) {
            Login login = smtp.login().get();
            check(client, client.auth(AuthenticatingSMTPClient.AUTH_METHOD.PLAIN, login.user(), password(login)));
        }
        check(client, client.setSender(text.from()));
        check(client, client.addRecipient(to));
        Writer data = client.sendMessageData();
        check(client, data != null);
        return Objects.requireNonNull(data);
    }

    private static String password(Login login) throws NotSent {
        try {
            return Files.readString(login.passwordFile(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            throw new NotSent("NOTICE_SMTP_PASSWORD_FILE cannot be read: " + e, true);
        }
    }

    private void end(AuthenticatingSMTPClient client, Writer data) throws NotSent {
        boolean isTaken;
        try {
            data.close();
            isTaken = client.completePendingCommand();
        } catch (IOException e) {
            throw new IllegalStateException(where() + " did not say whether it took the message: " + inWords(e), e);
        }
        check(client, isTaken);
        quit(client);
    }

    private static void quit(AuthenticatingSMTPClient client) {
        try {
            client.setSoTimeout(1000);
            client.quit();
        } catch (IOException e) {
            // it has the mail
        }
    }

    private void check(AuthenticatingSMTPClient client, boolean succeeded) throws NotSent {
        if (!succeeded) {
            String reply = String.valueOf(client.getReplyString()).replaceAll("[\\p{C}\\s]+", " ").strip();
            throw new NotSent(where() + " answers: " + reply.substring(0, Math.min(reply.length(), MAX_SAID)),
                    !SMTPReply.isNegativePermanent(client.getReplyCode()));
        }
    }

    private String where() {
        return "the mail server " + smtp.host() + ":" + smtp.port();
    }

    private static String inWords(IOException e) {
        return switch (e) {
            case SSLException refused -> TrustedCas.inWords(refused, "NOTICE_SMTP_CA_FILE");
            case SocketTimeoutException _ -> "no answer in time";
            default -> e.toString();
        };
    }

    private static void disconnect(AuthenticatingSMTPClient client) {
        try {
            client.disconnect();
        } catch (IOException e) {
            // it is closed
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // it is closed
        }
    }
}
