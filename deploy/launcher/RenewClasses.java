import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassTransform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;

/**
 * Writes a jar anew with its classes in the format of Java 8, and what else it holds as it is. picocli's are in that of Java 5,
 * without the maps that today's verifier wants; no cache takes such classes, and the old verifier is slow: of the 0.2 seconds
 * that a command took, 0.08.
 *
 * <p>java RenewClasses.java FROM TO
 */
class RenewClasses {
    private static final int JAVA_8 = ClassFile.JAVA_8_VERSION;

    public static void main(String[] arguments) throws IOException {
        try (JarFile from = new JarFile(arguments[0]);
                OutputStream file = Files.newOutputStream(Path.of(arguments[1]));
                JarOutputStream to = new JarOutputStream(file)) {
            ClassFile classes = ClassFile.of(StackMapsOption.GENERATE_STACK_MAPS, ClassHierarchyResolverOption.of(
                    ClassHierarchyResolver.ofResourceParsing(type -> open(from, type.descriptorString()))
                            .orElse(ClassHierarchyResolver.defaultResolver())));
            for (JarEntry entry : Collections.list(from.entries())) {
                byte[] bytes = from.getInputStream(entry).readAllBytes();
                boolean isOld = entry.getName().endsWith(".class") && !entry.getName().startsWith("META-INF/");
                JarEntry renewed = new JarEntry(entry.getName());
                renewed.setTime(entry.getTime());
                to.putNextEntry(renewed);
                to.write(isOld ? renewed(classes, bytes) : bytes);
                to.closeEntry();
            }
        }
    }

    /** Code is taken apart and put together, for the maps to be made. */
    private static byte[] renewed(ClassFile classes, byte[] old) {
        return classes.transformClass(classes.parse(old), ClassTransform
                .transformingMethodBodies((builder, element) -> builder.with(element))
                .andThen(ClassTransform.endHandler(builder -> builder.withVersion(JAVA_8, 0))));
    }

    /** @param descriptor such as {@code Lpicocli/CommandLine;} */
    private static InputStream open(JarFile jar, String descriptor) {
        try {
            JarEntry entry = jar.getJarEntry(descriptor.substring(1, descriptor.length() - 1) + ".class");
            return entry == null ? null : jar.getInputStream(entry);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
