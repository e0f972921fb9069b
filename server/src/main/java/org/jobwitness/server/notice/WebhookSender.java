package org.jobwitness.server.notice;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * POSTs JSON to the one address of the settings. Nothing of a job or user is part of the address, and no redirect is followed, so that
 * the server asks nobody else. The answer's text is not read.
 */
final class WebhookSender implements Sender, AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final int MIN_SECRET = 16;
    private static final Set<Integer> PASSING = Set.of(408, 425, 429);

    private final NoticeSettings.Webhook webhook;
    private final Clock clock;
    private final Duration timeout;
    private final HttpClient client;

    WebhookSender(NoticeSettings.Webhook webhook, Clock clock) {
        this(webhook, TIMEOUT, clock);
    }

    WebhookSender(NoticeSettings.Webhook webhook, Duration timeout, Clock clock) {
        this.webhook = webhook;
        this.clock = clock;
        this.timeout = timeout;
        this.client = HttpClient.newBuilder().connectTimeout(timeout).followRedirects(HttpClient.Redirect.NEVER)
                .version(HttpClient.Version.HTTP_1_1).build();
    }

    @Override
    public void send(Message message) throws NotSent, InterruptedException {
        String seconds = Long.toString(clock.instant().getEpochSecond());
        HttpRequest request = HttpRequest.newBuilder(webhook.url()).timeout(timeout)
                .header("Content-Type", "application/json").header("User-Agent", "jobwitness")
                .header("X-Jobwitness-Delivery", Long.toString(message.id()))
                .header("X-Jobwitness-Signature", "t=" + seconds + ",v1=" + signature(seconds + "." + message.body()))
                .POST(HttpRequest.BodyPublishers.ofString(message.body())).build();
        int status;
        try {
            HttpResponse<InputStream> response = client.send(request, HttpResponse.BodyHandlers.ofInputStream());
            response.body().close();
            status = response.statusCode();
        } catch (IOException e) {
            throw new NotSent("the webhook does not answer: " + e, true);
        }
        if (status / 100 != 2) {
            throw new NotSent("the webhook answers with status " + status, status >= 500 || PASSING.contains(status));
        }
    }

    private String signature(String signed) throws NotSent {
        try {
            byte[] secret = Files.readString(webhook.secretFile()).strip().getBytes(StandardCharsets.UTF_8);
            if (secret.length < MIN_SECRET) {
                throw new NotSent("NOTICE_WEBHOOK_SECRET_FILE holds fewer than " + MIN_SECRET + " characters", true);
            }
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            return HexFormat.of().formatHex(mac.doFinal(signed.getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new NotSent("NOTICE_WEBHOOK_SECRET_FILE cannot be read: " + e, true);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
