package org.jobwitness.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/** The plan of the command: rooms that know wire, and the commands that know the rooms. */
@TestInstance(Lifecycle.PER_CLASS)
class HouseTest {
    private static final String OURS = "org.jobwitness.cli";

    private final JavaClasses all = new ClassFileImporter().importPackages(OURS);
    private final JavaClasses cli = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages(OURS);

    @Test
    void ofOurProgramsOnlyTheWireIsKnown() {
        classes().should().onlyDependOnClassesThat().resideInAnyPackage(OURS + "..", "org.jobwitness.wire", "java..",
                "javax.net.ssl", "tools.jackson.core..", "org.jspecify.annotations").check(cli);
    }

    /** The tests have the server on their class path, to start it in a process of its own. */
    @Test
    void notEvenTheTestsKnowTheServer() {
        noClasses().should().dependOnClassesThat().resideInAPackage("org.jobwitness.server..").check(all);
    }

    @Test
    void roomsDoNotKnowTheCommands() {
        noClasses().that().resideInAPackage(OURS + ".*..").should().dependOnClassesThat().resideInAPackage(OURS)
                .check(cli);
    }

    @Test
    void roomsDoNotKnowEachOtherInCircles() {
        slices().matching(OURS + ".(*)..").should().beFreeOfCycles().check(cli);
    }

    @Test
    void whatIsShownKnowsNothingOfJobs() {
        noClasses().that().resideInAPackage(OURS + ".text").should().dependOnClassesThat()
                .resideInAPackage("org.jobwitness.wire").check(cli);
    }

    @Test
    void everyPackageSaysWhatItIsForAndIsNullMarked() throws IOException {
        try (Stream<Path> folders = Files.walk(Path.of("src/main/java/org/jobwitness/cli"))
                .filter(Files::isDirectory)) {
            assertThat(folders).allSatisfy(folder -> assertThat(folder.resolve("package-info.java"))
                    .content().contains("/**", "@NullMarked"));
        }
    }
}
