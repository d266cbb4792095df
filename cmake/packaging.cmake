# What is installed (bin/pareto, share/pareto, share/doc/pareto) and packed (cpack -G "DEB;TGZ" in the build folder).
# Only the program: nothing that is installed needs the tests or benchmarks to be built.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY TRUE)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/models/ DESTINATION share/pareto/models
        FILES_MATCHING PATTERN "*.safetensors" PATTERN "*.gguf" PATTERN "*.json" PATTERN "*.model" PATTERN "*.jinja")
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/pareto)
install(FILES ${CMAKE_SOURCE_DIR}/README.md DESTINATION share/doc/pareto)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs DESTINATION share/doc/pareto FILES_MATCHING PATTERN "*.md")  # the README's links

set(CPACK_PACKAGE_NAME pareto)
set(CPACK_PACKAGE_VENDOR pareto)
set(CPACK_PACKAGE_CONTACT "pareto maintainers <noreply@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_STRIP_FILES TRUE)
set(CPACK_PACKAGE_FILE_NAME "pareto-${PROJECT_VERSION}-${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
include(CPack)
