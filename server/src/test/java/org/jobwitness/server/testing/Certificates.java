package org.jobwitness.server.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A CA, and certificates of it for localhost, made by openssl. */
public final class Certificates {
    private final Path folder;

    public Certificates(Path folder) throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/openssl")), "openssl is not installed");
        this.folder = folder;
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
                "-out", "ca.pem", "-subj", "/CN=test CA", "-days", "30");
        Files.writeString(folder.resolve("index.txt"), "");
        Files.writeString(folder.resolve("serial"), "01\n");
        Files.writeString(folder.resolve("san"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
        Files.writeString(folder.resolve("ca.cnf"), """
                [ca]
                default_ca = test
                [test]
                new_certs_dir = .
                database = index.txt
                serial = serial
                certificate = ca.pem
                private_key = ca.key
                default_md = sha256
                policy = names
                unique_subject = no
                [names]
                commonName = supplied
                """);
    }

    public Path ca() {
        return folder.resolve("ca.pem");
    }

    /**
     * Makes NAME.pem and NAME.key, as PKCS #8.
     *
     * @param newKey the kind of key, as of openssl req
     */
    public void make(String name, List<String> newKey, String until) throws Exception {
        List<String> request = new ArrayList<>(List.of("req", "-new", "-nodes", "-keyout", name + ".key", "-out",
                name + ".csr", "-subj", "/CN=localhost", "-newkey"));
        request.addAll(newKey);
        openssl(request.toArray(String[]::new));
        openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-in", name + ".csr", "-out", name + ".pem", "-extfile",
                "san", "-startdate", "20200101000000Z", "-enddate", until);
    }

    public void openssl(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("/usr/bin/openssl"));
        command.addAll(List.of(arguments));
        Process openssl = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
        String said = new String(openssl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(openssl.waitFor()).as(said).isZero();
    }
}
