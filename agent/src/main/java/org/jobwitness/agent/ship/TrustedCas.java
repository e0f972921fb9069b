package org.jobwitness.agent.ship;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.Certificate;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

/** The CA certificates of JOBWITNESS_CA_FILE, which are trusted for the service instead of Java's own. */
public final class TrustedCas {
    private TrustedCas() {
    }

    /** TLS that trusts these certificates only, a PEM bundle. */
    public static SSLSocketFactory sockets(byte[] certificates) throws IOException {
        try {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int number = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(certificates))) {
                store.setCertificateEntry(String.valueOf(number++), certificate);
            }
            if (number == 0) {
                throw new IOException("the CA file has no certificate");
            }
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context.getSocketFactory();
        } catch (GeneralSecurityException e) {
            throw new IOException("the CA file cannot be used", e);
        }
    }

    /** Why TLS with the service failed, for administrators. */
    public static String causeOf(SSLException failure) {
        List<Throwable> causes = Stream.<Throwable>iterate(failure, Objects::nonNull, Throwable::getCause).toList();
        if (causes.stream().anyMatch(CertificateExpiredException.class::isInstance)) {
            return "the certificate of the service has expired";
        }
        if (causes.stream().anyMatch(cause -> cause instanceof CertPathBuilderException
                || cause instanceof CertPathValidatorException)) {
            return "the certificate of the service is not signed by a CA that is trusted here; JOBWITNESS_CA_FILE names them";
        }
        return failure.toString();
    }
}
