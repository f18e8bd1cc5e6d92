// consumer.cc - the same header from C++: targets listed, an error read.
#include <snnfit.h>

#include <cstdio>
#include <cstring>
#include <memory>

int
main()
{
	snnfit_error err = {};
	snnfit_model *unread = nullptr;
	snnfit_status status = snnfit_model_read(&unread, "/no such file.onnx", nullptr, &err);
	std::unique_ptr<snnfit_model, void (*)(snnfit_model *)> model(unread, snnfit_model_free);
	if (status != SNNFIT_EIO || model || !std::strstr(err.text, "no such file")) {
		std::fprintf(stderr, "consumer: status %d: %s\n", status, err.text);
		return 1;
	}
	snnfit_target target;
	size_t count = 0;
	while (snnfit_target_at(count, &target))
		count++;
	return count > 0 ? 0 : 1;
}
