# What an installation holds: libraries, the header, a CMake package, a pkg-config file.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/snnfit)

install(TARGETS snnfit_shared EXPORT snnfitTargets)
install(TARGETS snnfit_static EXPORT snnfitStaticTargets)
install(FILES include/snnfit.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# The pages lie to each other as they do here, with the files that they link to.
install(FILES README.md CHANGELOG.md CONTRIBUTING.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES examples/tutorial.c DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES include/snnfit.h DESTINATION ${CMAKE_INSTALL_DOCDIR}/include)

# Two export sets: who links the shared library needs none of the packages that it is made of.
foreach(set snnfitTargets snnfitStaticTargets)
	install(EXPORT ${set} NAMESPACE snnfit:: DESTINATION ${package_dir})
endforeach()
configure_package_config_file(cmake/snnfitConfig.cmake.in ${PROJECT_BINARY_DIR}/snnfitConfig.cmake
	INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/snnfitConfigVersion.cmake
	COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/snnfitConfig.cmake
	${PROJECT_BINARY_DIR}/snnfitConfigVersion.cmake DESTINATION ${package_dir})

# Relative to itself, so that an installation can be moved.
file(RELATIVE_PATH pc_to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/snnfit.pc.in ${PROJECT_BINARY_DIR}/snnfit.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/snnfit.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
