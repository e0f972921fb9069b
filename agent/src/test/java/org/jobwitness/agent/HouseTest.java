package org.jobwitness.agent;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The plan of the agent: rooms beside each other that know the log and wire, and the main room that knows them all. */
class HouseTest {
    private static final String OURS = "org.jobwitness.agent";

    private final JavaClasses agent = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages(OURS);

    @Test
    void nothingIsUsedBesideJavaBaseAndWire() {
        Set<String> base = Object.class.getModule().getPackages();
        classes().should().onlyDependOnClassesThat(DescribedPredicate.describe("are of java.base, wire or the agent",
                other -> other.isPrimitive() || other.isArray() || base.contains(other.getPackageName())
                        || other.getPackageName().equals("org.jobwitness.wire")
                        || other.getPackageName().startsWith(OURS)
                        || other.getPackageName().equals("org.jspecify.annotations")))
                .check(agent);
    }

    @Test
    void roomsDoNotKnowTheMainRoom() {
        noClasses().that().resideInAPackage(OURS + ".*..").should().dependOnClassesThat().resideInAPackage(OURS)
                .check(agent);
    }

    @Test
    void roomsDoNotKnowEachOtherInCircles() {
        slices().matching(OURS + ".(*)..").should().beFreeOfCycles().check(agent);
    }

    @Test
    void whoReadsTheKernelDoesNotKnowHowItIsSent() {
        noClasses().that()
                .resideInAnyPackage(OURS + ".cgroup..", OURS + ".node..", OURS + ".gpu..", OURS + ".holder..").should()
                .dependOnClassesThat().resideInAnyPackage(OURS + ".spool..", OURS + ".ship..").check(agent);
    }
}
