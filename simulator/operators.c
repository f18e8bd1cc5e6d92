/* operators.c - the table of what can be run. */
#include "simulator/operators.h"

#include "simulator/control.h"
#include "simulator/element.h"
#include "simulator/gather.h"
#include "simulator/matrix.h"
#include "simulator/normalize.h"
#include "simulator/reduce.h"
#include "simulator/shape.h"
#include "simulator/strided.h"
#include "simulator/window.h"

#include <string.h>

#define ELEMENTWISE(NAME, ELEMENT)                                                                 \
	{                                                                                          \
		NAME, run_element, NULL, OPERATOR_LANES, ELEMENT                                   \
	}
#define WITH_NUMBERS(NAME, ELEMENT)                                                                \
	{                                                                                          \
		NAME, run_with_numbers, NULL, OPERATOR_LANES, ELEMENT                              \
	}
#define REDUCTION(NAME, REDUCTION)                                                                 \
	{                                                                                          \
		NAME, run_reduce, NULL, 0, REDUCTION                                               \
	}
#define BY_LANE(NAME, RUN)                                                                         \
	{                                                                                          \
		NAME, RUN, NULL, 0, 0                                                              \
	}
#define ALL_LANES(NAME, RUN)                                                                       \
	{                                                                                          \
		NAME, RUN, NULL, OPERATOR_LANES, 0                                                 \
	}
#define PASSES_BITS(NAME, RUN)                                                                     \
	{                                                                                          \
		NAME, RUN, NULL, OPERATOR_LANES | OPERATOR_BITS | OPERATOR_PASSES_BITS, 0          \
	}
#define PRODUCT(NAME, RUN, PREPARE)                                                                \
	{                                                                                          \
		NAME, RUN, PREPARE, OPERATOR_LANES | OPERATOR_BITS, 0                              \
	}
#define RANDOM(NAME, RUN)                                                                          \
	{                                                                                          \
		NAME, RUN, NULL, OPERATOR_LANES | OPERATOR_RANDOM, 0                               \
	}
#define NEVER_FOLDED(NAME, RUN)                                                                    \
	{                                                                                          \
		NAME, RUN, NULL, OPERATOR_LANES | OPERATOR_NOT_FOLDED, 0                           \
	}

/* In strcmp order: it is searched by halves. */
static const struct operator operators[] = {
	ELEMENTWISE("Abs", ELEMENT_ABS),
	ELEMENTWISE("Acos", ELEMENT_ACOS),
	ELEMENTWISE("Acosh", ELEMENT_ACOSH),
	ELEMENTWISE("Add", ELEMENT_ADD),
	ELEMENTWISE("And", ELEMENT_AND),
	BY_LANE("ArgMax", run_arg_max),
	BY_LANE("ArgMin", run_arg_min),
	ELEMENTWISE("Asin", ELEMENT_ASIN),
	ELEMENTWISE("Asinh", ELEMENT_ASINH),
	ELEMENTWISE("Atan", ELEMENT_ATAN),
	ELEMENTWISE("Atanh", ELEMENT_ATANH),
	ALL_LANES("AveragePool", run_average_pool),
	ALL_LANES("BatchNormalization", run_batch_normalization),
	ALL_LANES("BitShift", run_bit_shift),
	ELEMENTWISE("BitwiseAnd", ELEMENT_BITWISE_AND),
	ELEMENTWISE("BitwiseNot", ELEMENT_BITWISE_NOT),
	ELEMENTWISE("BitwiseOr", ELEMENT_BITWISE_OR),
	ELEMENTWISE("BitwiseXor", ELEMENT_BITWISE_XOR),
	ALL_LANES("Cast", run_cast),
	ALL_LANES("CastLike", run_cast_like),
	ELEMENTWISE("Ceil", ELEMENT_CEIL),
	WITH_NUMBERS("Celu", ELEMENT_CELU),
	ALL_LANES("Clip", run_clip),
	BY_LANE("Compress", run_compress),
	ALL_LANES("Concat", run_concat),
	NEVER_FOLDED("ConcatFromSequence", run_concat_from_sequence),
	BY_LANE("Constant", run_constant),
	BY_LANE("ConstantOfShape", run_constant_of_shape),
	PRODUCT("Conv", run_conv, prepare_conv),
	BY_LANE("ConvInteger", run_conv_integer),
	ELEMENTWISE("Cos", ELEMENT_COS),
	ELEMENTWISE("Cosh", ELEMENT_COSH),
	BY_LANE("CumSum", run_cum_sum),
	BY_LANE("DepthToSpace", run_depth_to_space),
	BY_LANE("DequantizeLinear", run_dequantize_linear),
	ELEMENTWISE("Div", ELEMENT_DIV),
	ALL_LANES("Dropout", run_dropout),
	BY_LANE("DynamicQuantizeLinear", run_dynamic_quantize_linear),
	WITH_NUMBERS("Elu", ELEMENT_ELU),
	ELEMENTWISE("Equal", ELEMENT_EQUAL),
	ELEMENTWISE("Erf", ELEMENT_ERF),
	ELEMENTWISE("Exp", ELEMENT_EXP),
	BY_LANE("Expand", run_expand),
	BY_LANE("EyeLike", run_eye_like),
	PASSES_BITS("Flatten", run_flatten),
	ELEMENTWISE("Floor", ELEMENT_FLOOR),
	BY_LANE("Gather", run_gather),
	BY_LANE("GatherElements", run_gather_elements),
	BY_LANE("GatherND", run_gather_nd),
	ALL_LANES("Gelu", run_gelu),
	PRODUCT("Gemm", run_gemm, prepare_gemm),
	ALL_LANES("GlobalAveragePool", run_global_average_pool),
	ALL_LANES("GlobalMaxPool", run_global_max_pool),
	ELEMENTWISE("Greater", ELEMENT_GREATER),
	ELEMENTWISE("GreaterOrEqual", ELEMENT_GREATER_EQUAL),
	BY_LANE("GroupNormalization", run_group_normalization),
	WITH_NUMBERS("HardSigmoid", ELEMENT_HARD_SIGMOID),
	ELEMENTWISE("HardSwish", ELEMENT_HARD_SWISH),
	BY_LANE("Hardmax", run_hardmax),
	PASSES_BITS("Identity", run_identity),
	ALL_LANES("If", run_if),
	BY_LANE("InstanceNormalization", run_instance_normalization),
	ALL_LANES("IsInf", run_is_inf),
	ELEMENTWISE("IsNaN", ELEMENT_IS_NAN),
	BY_LANE("LayerNormalization", run_layer_normalization),
	WITH_NUMBERS("LeakyRelu", ELEMENT_LEAKY_RELU),
	ELEMENTWISE("Less", ELEMENT_LESS),
	ELEMENTWISE("LessOrEqual", ELEMENT_LESS_EQUAL),
	ELEMENTWISE("Log", ELEMENT_LOG),
	BY_LANE("LogSoftmax", run_log_softmax),
	ALL_LANES("Loop", run_loop),
	PRODUCT("MatMul", run_mat_mul, prepare_mat_mul),
	BY_LANE("MatMulInteger", run_mat_mul_integer),
	{ "Max", run_variadic, NULL, OPERATOR_LANES, ELEMENT_MAX },
	PASSES_BITS("MaxPool", run_max_pool),
	{ "Mean", run_variadic, NULL, OPERATOR_LANES, ELEMENT_NONE },
	{ "Min", run_variadic, NULL, OPERATOR_LANES, ELEMENT_MIN },
	ELEMENTWISE("Mish", ELEMENT_MISH),
	ALL_LANES("Mod", run_mod),
	ELEMENTWISE("Mul", ELEMENT_MUL),
	ELEMENTWISE("Neg", ELEMENT_NEG),
	BY_LANE("NonZero", run_non_zero),
	ELEMENTWISE("Not", ELEMENT_NOT),
	BY_LANE("OneHot", run_one_hot),
	ELEMENTWISE("Or", ELEMENT_OR),
	ELEMENTWISE("PRelu", ELEMENT_PRELU),
	BY_LANE("Pad", run_pad),
	ALL_LANES("Pow", run_pow),
	BY_LANE("QuantizeLinear", run_quantize_linear),
	RANDOM("RandomNormal", run_random),
	RANDOM("RandomNormalLike", run_random_like),
	RANDOM("RandomUniform", run_random),
	RANDOM("RandomUniformLike", run_random_like),
	BY_LANE("Range", run_range),
	ELEMENTWISE("Reciprocal", ELEMENT_RECIPROCAL),
	REDUCTION("ReduceL1", REDUCE_L1),
	REDUCTION("ReduceL2", REDUCE_L2),
	REDUCTION("ReduceLogSum", REDUCE_LOG_SUM),
	REDUCTION("ReduceLogSumExp", REDUCE_LOG_SUM_EXP),
	REDUCTION("ReduceMax", REDUCE_MAX),
	REDUCTION("ReduceMean", REDUCE_MEAN),
	REDUCTION("ReduceMin", REDUCE_MIN),
	REDUCTION("ReduceProd", REDUCE_PROD),
	REDUCTION("ReduceSum", REDUCE_SUM),
	REDUCTION("ReduceSumSquare", REDUCE_SUM_SQUARE),
	ELEMENTWISE("Relu", ELEMENT_RELU),
	PASSES_BITS("Reshape", run_reshape),
	ELEMENTWISE("Round", ELEMENT_ROUND),
	ALL_LANES("Scan", run_scan),
	BY_LANE("Scatter", run_scatter_elements),
	BY_LANE("ScatterElements", run_scatter_elements),
	BY_LANE("ScatterND", run_scatter_nd),
	WITH_NUMBERS("Selu", ELEMENT_SELU),
	NEVER_FOLDED("SequenceAt", run_sequence_at),
	NEVER_FOLDED("SequenceConstruct", run_sequence_construct),
	NEVER_FOLDED("SequenceEmpty", run_sequence_empty),
	NEVER_FOLDED("SequenceErase", run_sequence_erase),
	NEVER_FOLDED("SequenceInsert", run_sequence_insert),
	NEVER_FOLDED("SequenceLength", run_sequence_length),
	ALL_LANES("Shape", run_shape),
	WITH_NUMBERS("Shrink", ELEMENT_SHRINK),
	ELEMENTWISE("Sigmoid", ELEMENT_SIGMOID),
	ELEMENTWISE("Sign", ELEMENT_SIGN),
	ELEMENTWISE("Sin", ELEMENT_SIN),
	ELEMENTWISE("Sinh", ELEMENT_SINH),
	ALL_LANES("Size", run_size),
	BY_LANE("Slice", run_slice),
	BY_LANE("Softmax", run_softmax),
	ELEMENTWISE("Softplus", ELEMENT_SOFTPLUS),
	ELEMENTWISE("Softsign", ELEMENT_SOFTSIGN),
	BY_LANE("SpaceToDepth", run_space_to_depth),
	ALL_LANES("Split", run_split),
	NEVER_FOLDED("SplitToSequence", run_split_to_sequence),
	ELEMENTWISE("Sqrt", ELEMENT_SQRT),
	PASSES_BITS("Squeeze", run_squeeze),
	ELEMENTWISE("Sub", ELEMENT_SUB),
	{ "Sum", run_variadic, NULL, OPERATOR_LANES, ELEMENT_ADD },
	WITH_NUMBERS("Swish", ELEMENT_SWISH),
	ELEMENTWISE("Tan", ELEMENT_TAN),
	ELEMENTWISE("Tanh", ELEMENT_TANH),
	WITH_NUMBERS("ThresholdedRelu", ELEMENT_THRESHOLDED_RELU),
	BY_LANE("Tile", run_tile),
	BY_LANE("TopK", run_top_k),
	BY_LANE("Transpose", run_transpose),
	BY_LANE("Trilu", run_trilu),
	PASSES_BITS("Unsqueeze", run_unsqueeze),
	ALL_LANES("Where", run_where),
	ELEMENTWISE("Xor", ELEMENT_XOR),
};

const struct operator* operator_find_runnable(const char *domain, const char *name)
{
	size_t low = 0, high = sizeof operators / sizeof *operators;

	if (*domain)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, operators[middle].name);

		if (order == 0)
			return &operators[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
