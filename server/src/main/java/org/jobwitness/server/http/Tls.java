package org.jobwitness.server.http;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.SocketFactory;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server's own certificate and key, from PEM files that are read again when they change: new connections have the new ones,
 * and no request is lost. Files that cannot be used change nothing but {@link #problem}.
 */
public final class Tls implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Tls.class);
    private static final Duration INTERVAL = Duration.ofSeconds(5);
    /** This long before its end, a certificate is reported. */
    private static final Duration EXPIRES_SOON = Duration.ofDays(7);
    /** Of the store in memory. */
    private static final String NO_PASSWORD = "";

    private final Path certificates;
    private final Path key;
    private final Clock clock;
    private final SslContextFactory.Server factory = new SslContextFactory.Server();
    private final ScheduledExecutorService timer = Executors
            .newSingleThreadScheduledExecutor(Thread.ofPlatform().name("tls").daemon().factory());
    private Stamps read;
    private volatile Instant expires;
    private volatile @Nullable String unusable;

    private record Stamp(FileTime changed, long size, @Nullable Object inode) {
        static Stamp of(Path file) throws IOException {
            try {
                BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
                return new Stamp(attributes.lastModifiedTime(), attributes.size(), attributes.fileKey());
            } catch (NoSuchFileException e) {
                throw new IOException(file + " does not exist", e);
            }
        }
    }

    private record Stamps(Stamp certificates, Stamp key) {
    }

    /**
     * Reads the files.
     *
     * @param certificates the server's own, then those of intermediate CAs
     * @throws IOException if they cannot be used, with the cause in words
     */
    public Tls(Path certificates, Path key, Clock clock) throws IOException {
        this.certificates = certificates;
        this.key = key;
        this.clock = clock;
        read = stamps();
        PemIdentity identity = PemIdentity.read(certificates, key);
        factory.setKeyStorePassword(NO_PASSWORD);
        factory.setKeyStore(store(identity));
        expires = expiry(identity);
        log.info("tls_certificate file={} expires={}", certificates, expires);
        long interval = INTERVAL.toMillis();
        var _ = timer.scheduleWithFixedDelay(this::readAgainIfChanged, interval, interval, TimeUnit.MILLISECONDS);
    }

    SslContextFactory.Server factory() {
        return factory;
    }

    /** For requests of this process to itself, which need not prove that it is the right one. */
    public static SocketFactory toOneself() {
        SslContextFactory.Client client = new SslContextFactory.Client(true);
        try {
            client.start();
            return client.getSslContext().getSocketFactory();
        } catch (Exception e) { // declared by Jetty
            throw new IllegalStateException("TLS without a certificate", e);
        }
    }

    /** What an administrator has to do about the certificate; empty if it is good. */
    public Optional<String> problem() {
        String cause = unusable;
        if (cause != null) {
            return Optional
                    .of("TLS_CERT_FILE and TLS_KEY_FILE have changed and cannot be used, so the certificate before "
                            + "is: " + cause);
        }
        Instant end = expires;
        Instant now = clock.instant();
        if (now.isAfter(end)) {
            return Optional.of("the certificate in TLS_CERT_FILE has expired at " + end);
        }
        return now.isAfter(end.minus(EXPIRES_SOON))
                ? Optional.of("the certificate in TLS_CERT_FILE expires at " + end)
                : Optional.empty();
    }

    private Stamps stamps() throws IOException {
        return new Stamps(Stamp.of(certificates), Stamp.of(key));
    }

    private void readAgainIfChanged() {
        try {
            Stamps now = stamps();
            if (now.equals(read)) {
                return;
            }
            PemIdentity identity = PemIdentity.read(certificates, key);
            KeyStore store = store(identity);
            factory.reload(changed -> changed.setKeyStore(store));
            read = now;
            expires = expiry(identity);
            unusable = null;
            log.info("tls_certificate_changed file={} expires={}", certificates, expires);
        } catch (Exception e) { // from Jetty, too
            String cause = e instanceof IOException ? String.valueOf(e.getMessage()) : e.toString();
            if (!cause.equals(unusable)) {
                log.warn("tls_certificate_unusable cause=\"{}\"; the one before is used", cause);
            }
            unusable = cause;
        }
    }

    private static Instant expiry(PemIdentity identity) {
        return identity.chain().stream().map(X509Certificate::getNotAfter).min(Comparator.naturalOrder())
                .orElseThrow().toInstant();
    }

    private static KeyStore store(PemIdentity identity) throws IOException {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setKeyEntry("server", identity.key(), NO_PASSWORD.toCharArray(),
                    identity.chain().toArray(X509Certificate[]::new));
            return store;
        } catch (GeneralSecurityException e) {
            throw new IOException("the key cannot be used: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
